// A time line over all history: the room follows as it is played. Alerts stand on it where they fired.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, type PastAlert } from "../api";
import { Detail } from "../parts/Detail";
import { useRead } from "../parts/hooks";
import { Legend } from "../parts/Legend";
import { Film, momentOf, stepAt, timesOf } from "../replay";
import { moment, past, restsAt, room, selected, site, structure, things } from "../store";
import { text } from "../text";
import { RoomStage, RoomTools } from "./RoomView";

// Things that the server tells everything of at once.
const MOST = 80;
// Signs on the time line and lines beside it: more of them nobody reads.
const MOST_ALERTS = 200;
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
  const [index, setIndex] = useState(0);
  const [error, setError] = useState<string | null>(null);
  const [alerts, setAlerts] = useState<PastAlert[] | null>(null);
  const [alertsError, setAlertsError] = useState<string | null>(null);
  // Pieces that are there.
  const [loaded, setLoaded] = useState(0);
  const [film, setFilm] = useState<Film | null>(null);
  const extent = useRead(() => api.extent(site.value), [site.value]);
  const oldest = extent.value?.oldest ?? null;
  const request = useRef(0);
  const arrived = (problem: Error | null): void => {
    setError(problem?.message ?? null);
    if (problem === null) setLoaded((count) => count + 1);
  };

  // Nothing of the present is shown here, not even while the past is read.
  useLayoutEffect(() => {
    past.value = momentOf(things, first.current ?? from, [], []);
    return () => {
      request.current++;
      past.value = null;
      restsAt.value = null;
    };
  }, []);

  const load = async (start: number, length: number): Promise<void> => {
    const mine = ++request.current;
    setFrom(start);
    setHours(length);
    setPlaying(false);
    setError(null);
    setAlerts(null);
    setAlertsError(null);
    const [today, until] = [Date.now(), start + length * HOUR];
    const { step_s, times } = timesOf(start, until, today);
    // The last step may have only begun.
    const end = Math.max(Math.min(until, today), (times.at(-1) ?? 0) + 1);
    const made = new Film(times, (begin, until) => api.states(site.value, room.value, begin, until, step_s), arrived);
    // Begin at the moment that was asked for, else where history begins.
    setIndex(stepAt(times, first.current ?? oldest ?? 0));
    first.current = null;
    moment.value = null;
    setFilm(made);
    try {
      const found = await api.pastAlerts(site.value, start, end);
      if (mine === request.current) setAlerts(found);
    } catch (problem) {
      if (mine === request.current) setAlertsError((problem as Error).message);
    }
  };
  // Of what is selected more is known than of all: a rack's every sensor, and its servers.
  const chosen = selected.value;
  structure.value;
  const detailed = chosen === null ? undefined : things.get(chosen);
  const asked = detailed === undefined ? "" : [detailed.id, ...((detailed.attributes["servers"] as string[] | undefined) ?? [])].slice(0, MOST).join(" ");
  const details = useMemo(() => {
    if (film === null || asked === "" || film.times.length < 2) return null;
    const step_s = (film.times[1]! - film.times[0]!) / 1000;
    return new Film(film.times, (begin, until) => api.states(site.value, room.value, begin, until, step_s, asked.split(" ")), arrived, "next");
  }, [film, asked]);
  useEffect(() => {
    if (room.value !== "") void load(from, hours);
  }, [room.value, site.value]);
  useEffect(() => () => film?.end(), [film]);
  useEffect(() => () => details?.end(), [details]);

  const times = film?.times ?? [];
  const last = Math.max(0, times.length - 1);
  const there = film?.has(index) === true && (alerts !== null || alertsError !== null);
  const state = film === null || !there ? "loading" : film.complete && film.empty ? "empty" : "ready";
  // The one place where what is shown is made.
  useLayoutEffect(() => {
    const at = times[index];
    if (film === null || at === undefined) return;
    film.look(index);
    details?.look(index);
    past.value = momentOf(things, at, [film.at(index), details?.at(index) ?? null], alerts ?? []);
  }, [film, details, index, alerts, loaded, structure.value]);
  const show = (next: number): void => setIndex(Math.max(0, Math.min(last, next)));
  useEffect(() => {
    if (!playing || film === null || times.length < 2) return;
    const step = (times[1]! - times[0]!) / speed;
    const timer = setInterval(() => {
      // It waits for what is not read yet.
      if (index >= last) setPlaying(false);
      else if (film.has(index + 1)) setIndex(index + 1);
      else film.look(index + 1);
    }, Math.max(30, step));
    return () => clearInterval(timer);
  }, [playing, speed, film, index]);
  const play = (): void => {
    if (film === null || state === "empty") return;
    if (!playing && index >= last) show(0);
    setPlaying(!playing);
  };
  // The address follows when it rests: browsers allow only so many changes of it.
  useEffect(() => {
    const timer = setTimeout(() => (restsAt.value = times[index] ?? null), 600);
    return () => clearTimeout(timer);
  }, [index, film]);
  const here = (each: PastAlert): boolean => {
    const thing = things.get(each.thing);
    return thing === undefined || thing.kind === "site" || thing.attributes["location"] === room.value;
  };
  const all = (alerts ?? []).filter((each) => here(each) && each.since >= (times[0] ?? 0));
  const begun = all.slice(-MOST_ALERTS);
  const keys = (event: KeyboardEvent): void => {
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement || event.target instanceof HTMLButtonElement) return;
    if (event.key === " ") {
      event.preventDefault();
      play();
    }
  };
  useEffect(() => {
    // History may begin within the time that is shown.
    const begins = oldest === null ? -1 : times.findIndex((time) => time >= oldest);
    if (index < begins) setIndex(begins);
  }, [oldest, film]);
  const share = (at: number): number => (times.length < 2 ? 0 : (at - times[0]!) / (times[last]! - times[0]!));
  const jump = (alert: PastAlert): void => {
    setPlaying(false);
    show(stepAt(times, alert.since));
    selected.value = alert.thing;
  };
  // Over more than a day a time of day says little.
  const clock = (at: number): string => (hours > 24 ? new Date(at).toLocaleString() : new Date(at).toLocaleTimeString());
  const shownTime = times[index] === undefined ? "" : new Date(times[index]).toLocaleString();

  return (
    <div class="split" onKeyDown={keys}>
      <div class="room past">
        <RoomTools />
        <p class="then">
          {text.replay.then} <b>{shownTime}</b> <small>{text.replay.thenHint}</small>
        </p>
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
              disabled={film === null}
              onInput={(event) => {
                setPlaying(false);
                show(Number(event.currentTarget.value));
              }}
            />
            {begun.map((alert, i) => (
              <button
                key={i}
                class={`mark ${alert.severity}`}
                style={{ left: `${Math.min(1, share(alert.since)) * 100}%` }}
                aria-label={`${text.replay.jump} ${clock(alert.since)}, ${alert.severity}: ${alert.text}`}
                title={alert.text}
                onClick={() => jump(alert)}
              />
            ))}
          </div>
          <div class="controls">
            <button class="main play" disabled={film === null || state === "empty"} onClick={play}>
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
        {chosen !== null && <Detail />}
        <h2>{text.replay.alerts}</h2>
        {alertsError !== null && (
          <p class="error" role="alert">
            {alertsError}
          </p>
        )}
        {all.length > begun.length && <p class="hint">{text.replay.newest(begun.length, all.length)}</p>}
        {begun.length === 0 ? (
          alerts !== null && <p class="hint">{text.replay.none}</p>
        ) : (
          <ul class="jumps">
            {begun.map((each, i) => (
              <li key={i}>
                <button class="link" onClick={() => jump(each)}>
                  <time>{clock(each.since)}</time> {each.text}
                </button>
              </li>
            ))}
          </ul>
        )}
        {chosen === null && <Detail />}
      </aside>
    </div>
  );
}
