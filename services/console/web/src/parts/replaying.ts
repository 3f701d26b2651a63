// What a replay is made of: the time that is chosen, the films of it, where it stands, and whether it plays. Makes `past`, which
// everything in a room follows. Draws nothing; `views/ReplayView` and `parts/TimeLine` do.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, type PastAlert } from "../api";
import { Film, momentOf, stepAt, timesOf } from "../replay";
import { moment, past, restsAt, room, selected, site, structure, things } from "../store";
import { useRead } from "./hooks";

// Things that the server tells everything of at once.
const MOST = 80;
// Signs on the time line and lines beside it: more of them nobody reads.
const MOST_ALERTS = 200;
export const HOUR = 3_600_000;

export interface Replay {
  // The time that is chosen: from when (epoch ms), and for how long.
  from: number;
  hours: number;
  choose: (from: number, hours: number) => void;
  // When history begins (epoch ms); null while that is not known.
  oldest: number | null;
  // Ends of steps (epoch ms), and which of them is shown.
  times: number[];
  index: number;
  show: (index: number) => void;
  state: "loading" | "empty" | "ready";
  error: string | null;
  playing: boolean;
  play: () => void;
  // How many times faster than it was.
  speed: number;
  setSpeed: (speed: number) => void;
  // Alerts that began in that time and are told of, the oldest first; null while they are not read. `count`: of how many.
  alerts: PastAlert[] | null;
  count: number;
  alertsError: string | null;
  jump: (alert: PastAlert) => void;
}

export function useReplay(): Replay {
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
  const go = (next: number): void => setIndex(Math.max(0, Math.min(last, next)));
  useEffect(() => {
    if (!playing || film === null || times.length < 2) return;
    const step = (times[1]! - times[0]!) / speed;
    const timer = setInterval(() => {
      // It waits for what is not read yet.
      if (index >= last) setPlaying(false);
      else if (film.has(index + 1)) setIndex((now) => (now === index ? index + 1 : now));
      else film.look(index + 1);
    }, Math.max(30, step));
    return () => clearInterval(timer);
  }, [playing, speed, film, index]);
  // The address follows when it rests: browsers allow only so many changes of it.
  useEffect(() => {
    const timer = setTimeout(() => (restsAt.value = times[index] ?? null), 600);
    return () => clearTimeout(timer);
  }, [index, film]);
  useEffect(() => {
    // History may begin within the time that is shown.
    const begins = oldest === null ? -1 : times.findIndex((time) => time >= oldest);
    // Of where it stands by now: somebody may have moved it since this was drawn.
    setIndex((now) => Math.max(now, begins));
  }, [oldest, film]);

  const here = (each: PastAlert): boolean => {
    const thing = things.get(each.thing);
    return thing === undefined || thing.kind === "site" || thing.attributes["location"] === room.value;
  };
  const begun = (alerts ?? []).filter((each) => here(each) && each.since >= (times[0] ?? 0));
  const show = (next: number): void => {
    setPlaying(false);
    go(next);
  };
  return {
    from,
    hours,
    choose: (start, length) => void load(start, length),
    oldest,
    times,
    index,
    show,
    state,
    error,
    playing,
    play: () => {
      if (film === null || state === "empty") return;
      if (!playing && index >= last) go(0);
      setPlaying(!playing);
    },
    speed,
    setSpeed,
    alerts: alerts === null ? null : begun.slice(-MOST_ALERTS),
    count: begun.length,
    alertsError,
    jump: (alert) => {
      show(stepAt(times, alert.since));
      selected.value = alert.thing;
    },
  };
}
