// Who asked cooling units for what, and what became of it.
import { api } from "../api";
import { useRead } from "../parts/hooks";
import { now, site } from "../store";
import { text } from "../text";

export function AuditView() {
  const half = Math.floor(now.value / 10_000);
  const log = useRead(() => api.log(site.value, "command", now.value - 86_400_000, now.value + 60_000), [site.value, half]);
  return (
    <div class="page">
      <h1>{text.audit.heading}</h1>
      {log.error !== null && <p class="error">{log.error}</p>}
      {log.value !== null && log.value.length === 0 && <p class="hint">{text.audit.none}</p>}
      {log.value !== null && log.value.length > 0 && (
        <table class="wide">
          <thead>
            <tr>
              {[text.audit.at, text.audit.unit, text.audit.who, text.audit.event, text.audit.values, text.audit.why].map((each) => (
                <th scope="col" key={each}>
                  {each}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {log.value.map((each, index) => (
              <tr key={index}>
                <td>{new Date(each.at).toLocaleString()}</td>
                <th scope="row">{String(each["thing"] ?? "").replace(/^.*:cooling-/, "")}</th>
                <td>{String(each["who"] ?? "")}</td>
                <td>{String(each["event"] ?? each["text"] ?? "")}</td>
                <td>
                  {["setpoint", "fanSpeed", "mode"]
                    .filter((name) => each[name] !== undefined && each[name] !== null)
                    .map((name) => `${name} ${String(each[name])}`)
                    .join(", ")}
                </td>
                <td>{String(each["detail"] ?? each["rule"] ?? "")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
