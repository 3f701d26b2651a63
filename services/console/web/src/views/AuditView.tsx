// Who did what: commands with what became of them, and everything else that people changed here.
import { useState } from "preact/hooks";
import { api, type LogEntry } from "../api";
import { useRead } from "../parts/hooks";
import { WideTable } from "../parts/WideTable";
import { now, site } from "../store";
import { text } from "../text";

const DAY = 86_400_000;
const what = (entry: LogEntry): string =>
  ["setpoint", "fanSpeed", "mode"]
    .filter((name) => entry[name] !== undefined && entry[name] !== null)
    .map((name) => `${name} ${String(entry[name])}`)
    .join(", ");

export function AuditView() {
  const half = Math.floor(now.value / 10_000);
  const [wanted, setWanted] = useState("");
  const log = useRead(async () => {
    const [from, to] = [now.value - DAY, now.value + 60_000];
    const [commands, actions] = await Promise.all([api.log(site.value, "command", from, to), api.log(site.value, "action", from, to)]);
    return [...commands, ...actions].sort((a, b) => b.at - a.at);
  }, [site.value, half]);
  const rows = (log.value ?? []).filter((each) => wanted === "" || JSON.stringify(each).toLowerCase().includes(wanted.toLowerCase()));
  return (
    <div class="page">
      <h1>{text.audit.heading}</h1>
      <label class="inline">
        {text.audit.filter} <input type="search" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
      </label>
      {log.error !== null && <p class="error">{log.error}</p>}
      {log.value !== null && rows.length === 0 && <p class="hint">{text.audit.none}</p>}
      {rows.length > 0 && (
        <WideTable heads={[text.audit.at, text.audit.who, text.audit.event, text.audit.unit, text.audit.values, text.audit.why]}>
          {rows.map((each, index) => (
            <tr key={index}>
              <td class="time">{new Date(each.at).toLocaleTimeString()}</td>
              <td>
                {String(each["who"] ?? "")} <small>{String(each["origin"] ?? "")}</small>
              </td>
              <td>{String(each["event"] ?? "")}</td>
              <th scope="row">{String(each["thing"] ?? "").replace(/^.*:/, "")}</th>
              <td>{what(each) || String(each["id"] ?? "")}</td>
              <td class="long">{[each["rule"], each["detail"]].filter(Boolean).map(String).join(": ")}</td>
            </tr>
          ))}
        </WideTable>
      )}
    </div>
  );
}
