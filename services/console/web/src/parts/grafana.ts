// Addresses of Grafana's dashboards at the time and place that one looks at here.
import { now, past, site, theSite } from "../store";

const HOUR = 3_600_000;
// What each dashboard asks for besides the site; a value for anything else would be lost on it.
const ASKED = {
  site: [],
  room: ["room"],
  rack: ["room", "rack"],
  server: ["server"],
  cooling: ["unit"],
  maintenance: ["room"],
} as const;
const DAY = 24 * HOUR;
const BUCKETS = ["", "_1m", "_15m"];

// The finest history of a site that still holds `at`; the coarsest where none does.
export function historyAt(site: string, kept: readonly number[], at: number, today: number): string {
  const held = BUCKETS.find((_, index) => kept[index] === 0 || at >= today - (kept[index] ?? 0) * DAY);
  return site + (held ?? BUCKETS[BUCKETS.length - 1]);
}

export type Board = keyof typeof ASKED;
export const BOARDS = Object.keys(ASKED) as Board[];

export function grafanaLink(base: string, board: Board, place: Record<string, string>): string {
  const middle = past.value?.at;
  const [from, to] = middle === undefined ? [now.value - 3 * HOUR, now.value + HOUR / 4] : [middle - HOUR, middle + HOUR];
  const history = historyAt(site.value, theSite.value?.kept_days ?? [], from, now.value);
  const values = new URLSearchParams({ "var-site": site.value, "var-history": history, from: String(from), to: String(to) });
  for (const name of ASKED[board]) {
    // Without a value the dashboard chooses the first there is.
    if (place[name]) values.set(`var-${name}`, place[name]);
  }
  return `${base.replace(/\/$/, "")}/d/racktwin-${board}?${values}`;
}
