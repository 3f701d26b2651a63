// A time line over all history: the room follows as it is played.
import { useEffect, useState } from "preact/hooks";
import { api } from "../api";
import { Detail } from "../parts/Detail";
import { Legend } from "../parts/Legend";
import { past, quantity, room, site } from "../store";
import { text } from "../text";
import { framesFor } from "../values";
import { RoomStage, RoomTools } from "./RoomView";

const STEPS = 240;
const SPEEDS = [60, 300, 900, 3600];
const local = (ms: number): string => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

export function ReplayView() {
  const [from, setFrom] = useState(Date.now() - 3_600_000);
  const [hours, setHours] = useState(1);
  const [speed, setSpeed] = useState(300);
  const [playing, setPlaying] = useState(false);
  const [state, setState] = useState<"idle" | "loading" | "empty" | "ready">("idle");
  const [error, setError] = useState<string | null>(null);
  const [alerts, setAlerts] = useState<Record<string, unknown>[]>([]);

  const load = async (start: number): Promise<void> => {
    setPlaying(false);
    setState("loading");
    setError(null);
    const end = Math.min(start + hours * 3_600_000, Date.now());
    try {
      const names = framesFor(quantity.value);
      const [found, log] = await Promise.all([
        Promise.all(names.map((name) => api.frames(site.value, room.value, name, start, end, STEPS))),
        api.log(site.value, "alert", start, end),
      ]);
      const empty = found.every((frames) => Object.keys(frames.values).length === 0);
      // Begin where there is something to see.
      const rows = found.flatMap((frames) => Object.values(frames.values));
      const first = rows.reduce((least, row) => Math.min(least, Math.max(0, row.findIndex((each) => each !== null))), Infinity);
      past.value = { frames: new Map(found.map((frames) => [frames.quantity, frames])), index: Number.isFinite(first) ? first : 0 };
      setAlerts(log);
      setState(empty ? "empty" : "ready");
    } catch (problem) {
      setError((problem as Error).message);
      setState("idle");
    }
  };
  useEffect(() => {
    void load(from);
    return () => {
      past.value = null;
    };
  }, [quantity.value, room.value, site.value]);

  const times = past.value === null ? [] : ([...past.value.frames.values()][0]?.times ?? []);
  const index = past.value?.index ?? 0;
  const show = (next: number): void => {
    if (past.value !== null) past.value = { ...past.value, index: Math.max(0, Math.min(times.length - 1, next)) };
  };
  useEffect(() => {
    if (!playing || times.length < 2) return;
    const step = (times[1]! - times[0]!) / speed;
    const timer = setInterval(() => {
      const shown = past.value;
      if (shown === null || shown.index >= times.length - 1) setPlaying(false);
      else show(shown.index + 1);
    }, Math.max(30, step));
    return () => clearInterval(timer);
  }, [playing, speed, times]);

  return (
    <div class="split">
      <div class="room">
        <RoomTools />
        <RoomStage />
        <div class="timeline">
          <label>
            {text.replay.from}{" "}
            <input type="datetime-local" value={local(from)} onChange={(event) => setFrom(new Date(event.currentTarget.value).getTime())} />
          </label>
          <label>
            {text.replay.hours}{" "}
            <select value={hours} onChange={(event) => setHours(Number(event.currentTarget.value))}>
              {[1, 3, 6, 12, 24, 72, 168].map((each) => (
                <option key={each} value={each}>
                  {each} h
                </option>
              ))}
            </select>
          </label>
          <button onClick={() => void load(from)}>{text.replay.load}</button>
          <button class="main" disabled={state !== "ready"} onClick={() => setPlaying(!playing)}>
            {playing ? text.replay.pause : text.replay.play}
          </button>
          <label>
            {text.replay.speed}{" "}
            <select value={speed} onChange={(event) => setSpeed(Number(event.currentTarget.value))}>
              {SPEEDS.map((each) => (
                <option key={each} value={each}>
                  {each}×
                </option>
              ))}
            </select>
          </label>
          <input
            class="wide"
            type="range"
            min={0}
            max={Math.max(0, times.length - 1)}
            value={index}
            aria-label={text.replay.at}
            aria-valuetext={times[index] === undefined ? "" : new Date(times[index]).toLocaleString()}
            disabled={state !== "ready"}
            onInput={(event) => {
              setPlaying(false);
              show(Number(event.currentTarget.value));
            }}
          />
          <output>{times[index] === undefined ? "" : `${text.replay.at} ${new Date(times[index]).toLocaleString()}`}</output>
          {state === "loading" && <span role="status">{text.replay.loading}</span>}
          {state === "empty" && <span role="status">{text.replay.empty}</span>}
          {error !== null && <span class="error">{error}</span>}
        </div>
        <Legend />
      </div>
      <aside class="side" tabIndex={0} aria-label={text.room.aside}>
        <h2>{text.replay.alerts}</h2>
        {alerts.length === 0 ? (
          <p class="hint">{text.replay.none}</p>
        ) : (
          <ul class="alerts">
            {alerts.map((each, i) => (
              <li key={i}>
                <button class="link" onClick={() => show(times.findIndex((time) => time >= Number(each["at"])))}>
                  {new Date(Number(each["at"])).toLocaleTimeString()} {String(each["text"] ?? "")}
                </button>
              </li>
            ))}
          </ul>
        )}
        <Detail />
      </aside>
    </div>
  );
}
