// The past as a film: read in pieces of some steps each, for a room of a thousand racks has many values; and a moment of it, as
// things that look like those of the present. Knows no screen.
import type { Feature, PastAlert, States, Thing } from "./api";
import type { Moment, OpenAlert } from "./store";

const STEPS = 240;
const PIECE = 24;
// Between attempts to read, ms.
const [SHORTEST_PAUSE, LONGEST_PAUSE] = [1000, 30_000];

// A step that has only begun is shown too where it is this short: what has just happened must not lie beyond the last one.
const SHORT_STEP = 60;

// Ends of steps between two times (epoch ms) that `now` has reached, at most 240 and one that has only begun; the server has
// the same.
export function timesOf(from: number, until: number, now: number): { step_s: number; times: number[] } {
  const to = Math.min(until, now);
  const step_s = Math.max(1, Math.ceil((to - from) / 1000 / STEPS));
  const step = step_s * 1000;
  const times: number[] = [];
  // A time that ends with the present was chosen a moment ago: by now it ends a little before it.
  const end = step_s <= SHORT_STEP && now - to < step ? now + step : to;
  for (let at = Math.ceil(from / step) * step; at < end; at += step) times.push(at);
  return { step_s, times };
}

export class Film {
  private readonly pieces: (States | undefined)[] = [];
  private asking: Promise<void> | null = null;
  private wanted = 0;
  private over = false;
  private failures = 0;
  private again: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly times: number[],
    private readonly read: (from: number, to: number) => Promise<States>,
    private readonly changed: (problem: Error | null) => void,
    // Whether what nobody looks at yet is read too.
    private readonly ahead: "all" | "next" = "all",
  ) {}

  get complete(): boolean {
    return this.next(0, this.times.length) === null;
  }

  // Whether anything was known at all, in what is read.
  get empty(): boolean {
    return this.pieces.every((piece) => piece === undefined || Object.keys(piece.values).length === 0);
  }

  has(index: number): boolean {
    return this.pieces[Math.floor(index / PIECE)] !== undefined;
  }

  // What was known at a step: the piece, and the place in it.
  at(index: number): { states: States; place: number } | null {
    const states = this.pieces[Math.floor(index / PIECE)];
    return states === undefined ? null : { states, place: index % PIECE };
  }

  // Somebody looks at a step: it is read first, then what follows, then what came before. One piece at a time.
  look(index: number): void {
    this.wanted = index;
    if (this.asking !== null || this.over || this.again !== undefined) return;
    const piece = this.ahead === "all" ? this.next(index, this.times.length) : this.next(index, Math.min(this.times.length, index + PIECE + 1), false);
    if (piece === null) return;
    const [first, last] = [piece * PIECE, Math.min(this.times.length, (piece + 1) * PIECE) - 1];
    this.asking = this.read(this.times[first]!, this.times[last]! + 1).then(
      (found) => {
        this.asking = null;
        if (this.over) return;
        this.failures = 0;
        this.pieces[piece] = found;
        this.changed(null);
        this.look(this.wanted);
      },
      (problem: unknown) => {
        this.asking = null;
        if (this.over) return;
        // What the server will never answer is not asked again, anything else after a while.
        const status = (problem as { status?: number } | null)?.status ?? 0;
        if (status >= 400 && status < 500 && status !== 429) this.over = true;
        else {
          this.again = setTimeout(() => {
            this.again = undefined;
            this.look(this.wanted);
          }, Math.min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** this.failures++));
        }
        this.changed(problem instanceof Error ? problem : new Error(String(problem)));
      },
    );
  }

  end(): void {
    this.over = true;
    clearTimeout(this.again);
  }

  private next(from: number, to: number, around = true): number | null {
    const count = Math.ceil(this.times.length / PIECE);
    const [first, last] = [Math.floor(from / PIECE), Math.min(count, Math.ceil(to / PIECE))];
    for (let piece = first; piece < last; piece++) if (this.pieces[piece] === undefined) return piece;
    if (around) for (let piece = first - 1; piece >= 0; piece--) if (this.pieces[piece] === undefined) return piece;
    return null;
  }
}

// The step that shows a moment: the first that is not before it, or the last there is.
export function stepAt(times: number[], moment: number): number {
  const found = times.findIndex((time) => time >= moment);
  return found < 0 ? Math.max(0, times.length - 1) : found;
}

// Feature and property of a key; there are few, and they are split for each thing and step.
const split = new Map<string, [string, string]>();
function parts(key: string): [string, string] {
  let found = split.get(key);
  if (found === undefined) {
    const cut = key.lastIndexOf("/");
    found = [key.slice(0, cut), key.slice(cut + 1)];
    split.set(key, found);
  }
  return found;
}

function put(features: Record<string, Feature>, id: string, { states, place }: { states: States; place: number }): void {
  const columns = states.values[id];
  for (const key in columns) {
    const value = columns[key]![place];
    if (value === null || value === undefined) continue;
    const [feature, name] = parts(key);
    const texts = states.texts[key];
    (features[feature] ??= { properties: {} }).properties[name] = texts === undefined ? value : texts[value];
  }
}

// Alerts that were open, by thing and rule, acknowledged or not as they were then.
export function openThen(alerts: PastAlert[], at: number): Map<string, Record<string, OpenAlert>> {
  const found = new Map<string, Record<string, OpenAlert>>();
  for (const alert of alerts) {
    if (alert.since > at || (alert.until !== null && alert.until <= at)) continue;
    const { severity, title, text, since } = alert;
    const seen = alert.acknowledged_by !== null && (alert.acknowledged_at ?? 0) <= at ? { acknowledgedBy: alert.acknowledged_by } : {};
    found.set(alert.thing, { ...found.get(alert.thing), [alert.rule]: { severity, title, text, since, ...seen } });
  }
  return found;
}

// Things at a moment: they stand where they stand now, and know what was known then, and nothing of the present.
export function momentOf(live: ReadonlyMap<string, Thing>, at: number, known: ({ states: States; place: number } | null)[], alerts: PastAlert[]): Moment {
  const made = new Map<string, Thing>();
  const open = openThen(alerts, at);
  return {
    at,
    known: known[0] !== null && known[0] !== undefined,
    thing: (id) => {
      const kept = made.get(id);
      if (kept !== undefined) return kept;
      const now = live.get(id);
      if (now === undefined) return undefined;
      const features: Record<string, Feature> = {};
      for (const each of known) if (each !== null) put(features, id, each);
      const signs = open.get(id);
      if (signs !== undefined) features["alerts"] = { properties: { open: signs } };
      const thing = { ...now, features };
      made.set(id, thing);
      return thing;
    },
  };
}
