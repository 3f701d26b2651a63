// Asks a cooling unit for something; the guard's answer is read from the twin, where everybody sees it.
import { useEffect, useRef, useState } from "preact/hooks";
import { api, ApiError, type Thing } from "../api";
import { property, site, tick } from "../store";
import { text } from "../text";

export function CommandDialog({ unit, onClose }: { unit: Thing; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [setpoint, setSetpoint] = useState("");
  const [fan, setFan] = useState("");
  const [mode, setMode] = useState("");
  const [confirm, setConfirm] = useState(false);
  const [sent, setSent] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => dialog.current?.showModal(), []);
  tick.value;
  const last = property(unit, "control", "lastCommand") as Record<string, unknown> | undefined;
  const answer = sent !== null && last?.["id"] === sent ? last : null;
  const limit = (low: string, high: string): string => `${text.command.range} ${String(unit.attributes[low] ?? "?")}–${String(unit.attributes[high] ?? "?")}`;

  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    setError(null);
    const values: Record<string, unknown> = { confirm };
    if (setpoint !== "") values["setpoint"] = Number(setpoint);
    if (fan !== "") values["fan_speed"] = Number(fan);
    if (mode !== "") values["mode"] = mode;
    if (Object.keys(values).length === 1) {
      setError(text.command.nothing);
      return;
    }
    try {
      setSent((await api.wish(site.value, unit.name, values)).id);
    } catch (problem) {
      setError(problem instanceof ApiError ? problem.message : text.errors.failed);
    }
  };
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="command-heading">
      <form onSubmit={(event) => void send(event)}>
        <h2 id="command-heading">
          {text.command.heading} {unit.name}
        </h2>
        <label>
          {text.command.setpoint} <small>{limit("setpointMin", "setpointMax")}</small>
          <input type="number" step="0.1" value={setpoint} onInput={(event) => setSetpoint(event.currentTarget.value)} />
        </label>
        <label>
          {text.command.fan} <small>{limit("fanMin", "fanMax")}</small>
          <input type="number" step="1" value={fan} onInput={(event) => setFan(event.currentTarget.value)} />
        </label>
        <label>
          {text.command.mode}
          <select value={mode} onChange={(event) => setMode(event.currentTarget.value)}>
            <option value="">{text.command.keep}</option>
            {Object.entries(text.command.modes).map(([value, meaning]) => (
              <option key={value} value={value}>
                {meaning}
              </option>
            ))}
          </select>
        </label>
        <label class="check">
          <input type="checkbox" checked={confirm} onChange={(event) => setConfirm(event.currentTarget.checked)} /> {text.command.confirm}
        </label>
        {error !== null && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        {sent !== null && (
          <p role="status" class={answer === null ? "hint" : `last ${String(answer["state"])}`}>
            {answer === null ? text.command.sent : `${String(answer["state"])}${answer["detail"] ? ` – ${String(answer["detail"])}` : ""}`}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            {sent === null ? text.command.cancel : text.rack.close}
          </button>
          <button class="main" type="submit">
            {text.command.send}
          </button>
        </div>
      </form>
    </dialog>
  );
}
