// A time line over all history: the room follows as it is played. Alerts stand on it where they fired.
import { useEffect, useRef, useState } from "preact/hooks";
import { api, type LogEntry } from "../api";
import { Detail } from "../parts/Detail";
import { useRead } from "../parts/hooks";
import { Legend } from "../parts/Legend";
import { moment, past, quantity, restsAt, room, selected, site, things } from "../store";
import { text } from "../text";
import { framesFor } from "../values";
import { RoomStage, RoomTools } from "./RoomView";

const STEPS = 240;
const SPEEDS = [60, 300, 900, 3600];
const HOURS = [1, 3, 6, 12, 24, 72, 168];
const HOUR = 3_600_000;
const local = (ms: number): string => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

export function ReplayView() {
  // A moment to begin with, such as an alert's.
  const first = useRef(moment.value);
  const [hours, setHours] = useState(1);
  const [from, setFrom] = useState(() => (first.current === null ? Date.now() - HOUR : Math.min(first.current - HOUR / 2, Date.now() - HOUR)));
  const [speed, setSpeed] = useState(300);
  const [playing, setPlaying] = useState(false);
  const [state, setState] = useState<"idle" | "loading" | "empty" | "ready">("idle");
  const [error, setError] = useState<string | null>(null);
  const [alerts, setAlerts] = useState<LogEntry[]>([]);
  const extent = useRead(() => api.extent(site.value), [site.value]);
  const oldest = extent.value?.oldest ?? null;
  const request = useRef(0);

  const load = async (start: number, length: number): Promise<void> => {
    const mine = ++request.current;
    setFrom(start);
    setHours(length);
    setPlaying(false);
    setState("loading");
    setError(null);
    const end = Math.min(start + length * HOUR, Date.now());
    try {
      const names = framesFor(quantity.value);
      const [found, log] = await Promise.all([
        Promise.all(names.map((name) => api.frames(site.value, room.value, name, start, end, STEPS))),
        api.alertsBegun(site.value, start, end),
      ]);
      if (mine !== request.current) return;
      const rows = found.filter((frames) => frames.quantity !== "supply").flatMap((frames) => Object.values(frames.values));
      // Begin at the moment that was asked for, else where there is something to see.
      const begin = rows.reduce((least, row) => Math.min(least, Math.max(0, row.findIndex((each) => each !== null))), Infinity);
      const times = found[0]?.times ?? [];
      const wanted = first.current === null ? -1 : times.findIndex((time) => time >= first.current!);
      first.current = null;
      moment.value = null;
      past.value = { frames: new Map(found.map((frames) => [frames.quantity, frames])), index: wanted >= 0 ? wanted : Number.isFinite(begin) ? begin : 0 };
      const here = (each: LogEntry): boolean => {
        const thing = things.get(String(each["thing"]));
        return thing === undefined || thing.kind === "site" || thing.attributes["location"] === room.value;
      };
      setAlerts(log.filter(here).reverse());
      setState(rows.length === 0 ? "empty" : "ready");
    } catch (problem) {
      if (mine !== request.current) return;
      setError((problem as Error).message);
      setState("idle");
    }
  };
  useEffect(() => {
    if (room.value !== "") void load(from, hours);
  }, [quantity.value, room.value, site.value]);
  useEffect(
    () => () => {
      request.current++;
      past.value = null;
      restsAt.value = null;
    },
    [],
  );

  const times = past.value === null ? [] : ([...past.value.frames.values()][0]?.times ?? []);
  const index = past.value?.index ?? 0;
  const last = Math.max(0, times.length - 1);
  const show = (next: number): void => {
    if (past.value !== null) past.value = { ...past.value, index: Math.max(0, Math.min(last, next)) };
  };
  useEffect(() => {
    if (!playing || times.length < 2) return;
    const step = (times[1]! - times[0]!) / speed;
    const timer = setInterval(() => {
      const shown = past.value;
      if (shown === null || shown.index >= times.length - 1) setPlaying(false);
      else past.value = { ...shown, index: shown.index + 1 };
    }, Math.max(30, step));
    return () => clearInterval(timer);
  }, [playing, speed, times]);
  const play = (): void => {
    if (state !== "ready") return;
    if (!playing && index >= last) show(0);
    setPlaying(!playing);
  };
  // The address follows when it rests: browsers allow only so many changes of it.
  useEffect(() => {
    const timer = setTimeout(() => (restsAt.value = times[index] ?? null), 600);
    return () => clearTimeout(timer);
  }, [index, times]);
  const keys = (event: KeyboardEvent): void => {
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement || event.target instanceof HTMLButtonElement) return;
    if (event.key === " ") {
      event.preventDefault();
      play();
    }
  };
  const share = (at: number): number => (times.length < 2 ? 0 : (at - times[0]!) / (times[last]! - times[0]!));
  const jump = (alert: LogEntry): void => {
    setPlaying(false);
    show(times.findIndex((time) => time >= alert.at));
    if (typeof alert["thing"] === "string") selected.value = alert["thing"];
  };
  const shownTime = times[index] === undefined ? "" : new Date(times[index]).toLocaleString();

  return (
    <div class="split" onKeyDown={keys}>
      <div class="room">
        <RoomTools />
        <RoomStage />
        <div class="timeline">
          <div class="track">
            <input
              type="range"
              min={0}
              max={last}
              value={index}
              aria-label={text.replay.at}
              aria-valuetext={shownTime}
              disabled={state !== "ready"}
              onInput={(event) => {
                setPlaying(false);
                show(Number(event.currentTarget.value));
              }}
            />
            {alerts.map((alert, i) => (
              <button
                key={i}
                class={`mark ${String(alert["severity"] ?? "")}`}
                style={{ left: `${share(alert.at) * 100}%` }}
                aria-label={`${text.replay.jump} ${new Date(alert.at).toLocaleTimeString()} ${String(alert["text"] ?? "")}`}
                title={String(alert["text"] ?? "")}
                onClick={() => jump(alert)}
              />
            ))}
          </div>
          <div class="controls">
            <button class="main play" disabled={state !== "ready"} onClick={play}>
              {playing ? text.replay.pause : text.replay.play}
            </button>
            <output>{shownTime}</output>
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
            <label>
              {text.replay.from}{" "}
              <input
                type="datetime-local"
                value={local(from)}
                {...(oldest === null ? {} : { min: local(oldest) })}
                max={local(Date.now())}
                onChange={(event) => event.currentTarget.value !== "" && void load(new Date(event.currentTarget.value).getTime(), hours)}
              />
            </label>
            <label>
              {text.replay.hours}{" "}
              <select value={HOURS.includes(hours) ? hours : 0} onChange={(event) => void load(from, Number(event.currentTarget.value))}>
                {!HOURS.includes(hours) && <option value={0}>{text.replay.all}</option>}
                {HOURS.map((each) => (
                  <option key={each} value={each}>
                    {each < 48 ? `${each} h` : `${each / 24} d`}
                  </option>
                ))}
              </select>
            </label>
            <button onClick={() => void load(Date.now() - HOUR, 1)}>{text.replay.lastHour}</button>
            {oldest !== null && <button onClick={() => void load(oldest, Math.max(0.1, (Date.now() - oldest) / HOUR))}>{text.replay.all}</button>}
            {state === "loading" && <span role="status">{text.replay.loading}</span>}
            {state === "empty" && <span role="status">{text.replay.empty}</span>}
            {error !== null && (
              <span class="error" role="alert">
                {error}
              </span>
            )}
          </div>
        </div>
        <Legend />
      </div>
      <aside class="side" tabIndex={0} aria-label={text.room.aside}>
        <h2>{text.replay.alerts}</h2>
        {alerts.length === 0 ? (
          <p class="hint">{text.replay.none}</p>
        ) : (
          <ul class="jumps">
            {alerts.map((each, i) => (
              <li key={i}>
                <button class="link" onClick={() => jump(each)}>
                  <time>{new Date(each.at).toLocaleTimeString()}</time> {String(each["text"] ?? "")}
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
