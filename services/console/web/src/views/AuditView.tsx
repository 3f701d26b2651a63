// Who did what: commands with what became of them, and everything else that people changed here.
import { useState } from "preact/hooks";
import { api, LOG_LIMIT, type LogEntry } from "../api";
import { useRead } from "../parts/hooks";
import { WideTable } from "../parts/WideTable";
import { now, site } from "../store";
import { text } from "../text";

const DAY = 86_400_000;
const DAYS = [1, 7, 30, 365] as const;
const what = (entry: LogEntry): string =>
  ["setpoint", "fanSpeed", "mode"]
    .filter((name) => entry[name] !== undefined && entry[name] !== null)
    .map((name) => `${name} ${String(entry[name])}`)
    .join(", ");

export function AuditView() {
  const half = Math.floor(now.value / 10_000);
  const [wanted, setWanted] = useState("");
  const [days, setDays] = useState<number>(1);
  const log = useRead(async () => {
    const [from, to] = [now.value - days * DAY, now.value + 60_000];
    const [commands, actions] = await Promise.all([api.log(site.value, "command", from, to), api.log(site.value, "action", from, to)]);
    // Where one of them was cut off, the other's older entries would look like the whole story.
    const cut = Math.max(0, ...[commands, actions].filter((each) => each.length >= LOG_LIMIT).map((each) => each.at(-1)!.at));
    return { cut, entries: [...commands, ...actions].filter((each) => each.at >= cut).sort((a, b) => b.at - a.at) };
  }, [site.value, half, days]);
  const rows = (log.value?.entries ?? []).filter((each) => wanted === "" || JSON.stringify(each).toLowerCase().includes(wanted.toLowerCase()));
  return (
    <div class="page">
      <h1>{text.audit.heading}</h1>
      <label class="inline">
        {text.audit.within}{" "}
        <select value={days} onChange={(event) => setDays(Number(event.currentTarget.value))}>
          {DAYS.map((each) => (
            <option key={each} value={each}>
              {text.audit.days(each)}
            </option>
          ))}
        </select>
      </label>{" "}
      <label class="inline">
        {text.audit.filter} <input type="search" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
      </label>
      {log.error !== null && <p class="error">{log.error}</p>}
      {log.value !== null && rows.length === 0 && <p class="hint">{text.audit.none}</p>}
      {log.value !== null && log.value.cut > 0 && <p class="hint">{text.audit.cut(new Date(log.value.cut).toLocaleString())}</p>}
      {rows.length > 0 && (
        <WideTable heads={[text.audit.at, text.audit.who, text.audit.event, text.audit.unit, text.audit.values, text.audit.why]}>
          {rows.map((each, index) => (
            <tr key={index}>
              <td class="time">{days === 1 ? new Date(each.at).toLocaleTimeString() : new Date(each.at).toLocaleString()}</td>
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
