// What the page knows: session, twins, what is looked at. Signals, so that a part redraws when what it shows changes.
import { batch, computed, signal } from "@preact/signals";
import type { Feature, Me, SiteSummary, Thing } from "./api";
import type { FeedState } from "./line";

export const VIEWS = ["room", "dashboards", "replay", "whatif", "optimise", "maintenance", "alerts", "audit"] as const;
export type View = (typeof VIEWS)[number];
export const SHAPES = ["3d", "plan", "list"] as const;
export type Shape = (typeof SHAPES)[number];
export const QUANTITIES = ["inlet", "predicted", "humidity", "power", "deltaT", "score"] as const;
export type Quantity = (typeof QUANTITIES)[number];

export const me = signal<Me | null>(null);
export const sites = signal<SiteSummary[]>([]);
export const site = signal<string>("");
export const room = signal<string>("");
export const view = signal<View>("room");
export const shape = signal<Shape>("3d");
export const quantity = signal<Quantity>("inlet");
// What of the room is drawn.
export const layers = signal({ aisles: true, flows: false, names: false, units: true, alerts: true });
// Racks that are not meant are dimmed.
export const FOCUSES = ["all", "out", "alerts", "stale"] as const;
export type Focus = (typeof FOCUSES)[number];
export const focus = signal<Focus>("all");
export const selected = signal<string | null>(null);
export const feed = signal<FeedState>("starting");
export const notice = signal<string | null>(null);
// Seconds, for ages on the screen.
export const now = signal(Date.now());

// Twins. The map is changed in place, for it may hold thousands; `tick` tells that it was.
export const things = new Map<string, Thing>();
export const tick = signal(0);
// Counts what changes seldom: which things there are, and their attributes.
export const structure = signal(0);
// The moment of the past that is shown; null: the present. Whatever shows a state of things asks `thingShown`, `ofRoom` and
// `shownAt`, and so shows one moment and never two.
export interface Moment {
  at: number;
  // Whether it has been read; until then nothing is known of it.
  known: boolean;
  thing: (id: string) => Thing | undefined;
}
export const past = signal<Moment | null>(null);
// Where a replay begins, when somebody asked for a moment.
export const moment = signal<number | null>(null);
// Where a replay rests, for its address.
export const restsAt = signal<number | null>(null);

// Epoch ms of what is shown.
export const shownAt = (): number => past.value?.at ?? now.value;
export const thingShown = (id: string | null): Thing | undefined => (id === null ? undefined : past.value === null ? things.get(id) : past.value.thing(id));
// For a part that draws: it is drawn anew when what is shown changes; what comes in of the present does not change the past.
export const redrawn = (): number => (past.value === null ? tick.value : past.value.at);

export const theSite = computed(() => sites.value.find((each) => each.name === site.value));
export const theRoom = computed(() => theSite.value?.rooms.find((each) => each.name === room.value));

export function replaceThings(all: Thing[]): void {
  batch(() => {
    things.clear();
    for (const thing of all) things.set(thing.id, thing);
    structure.value++;
    tick.value++;
  });
}

export function applyDelta(changes: Record<string, Record<string, unknown>>, gone: string[]): boolean {
  let complete = true;
  let rebuilt = gone.length > 0;
  batch(() => {
    for (const [id, parts] of Object.entries(changes)) {
      const thing = things.get(id);
      if (thing === undefined) {
        complete = false;
        continue;
      }
      for (const [part, content] of Object.entries(parts)) {
        if (part === "@attributes") {
          thing.attributes = content as Record<string, unknown>;
          rebuilt = true;
        } else thing.features[part] = content as Feature | null;
      }
    }
    for (const id of gone) things.delete(id);
    if (rebuilt) structure.value++;
    tick.value++;
  });
  return complete;
}

export interface OpenAlert {
  rule?: string;
  severity: "info" | "warning" | "critical";
  title: string;
  text: string;
  since: number;
  acknowledgedBy?: string;
}

export function alertsOf(thing: Thing): OpenAlert[] {
  const open = thing.features["alerts"]?.properties["open"];
  if (open === undefined || open === null) return [];
  return Object.entries(open as Record<string, OpenAlert | null>).flatMap(([rule, each]) => (each === null ? [] : [{ ...each, rule }]));
}

export const openAlerts = computed(() => {
  tick.value;
  let count = 0;
  for (const thing of things.values()) count += alertsOf(thing).filter((each) => each.severity !== "info" && !each.acknowledgedBy).length;
  return count;
});

// Sorted lists are kept: a thousand racks change their values five times a second, and their places hardly ever.
const lists = new Map<string, Thing[]>();
let listsOf = -1;
const byName = new Intl.Collator("en", { numeric: true });

// Things of a room at the moment that is shown.
export function ofRoom(kind: Thing["kind"], name: string): Thing[] {
  const found = liveOfRoom(kind, name);
  const shown = past.value;
  return shown === null ? found : found.map((each) => shown.thing(each.id) ?? each);
}

function liveOfRoom(kind: Thing["kind"], name: string): Thing[] {
  if (listsOf !== structure.value) {
    lists.clear();
    listsOf = structure.value;
  }
  const key = `${kind} ${name}`;
  let found = lists.get(key);
  if (found === undefined) {
    found = [];
    for (const thing of things.values()) if (thing.kind === kind && thing.attributes["location"] === name) found.push(thing);
    found.sort((a, b) => byName.compare(a.name, b.name));
    lists.set(key, found);
  }
  return found;
}

export const roomThing = (name: string): Thing | undefined => things.get(`racktwin.${site.value}:room-${name}`);

export const property = (thing: Thing, feature: string, name: string): unknown => thing.features[feature]?.properties[name];

export function number(thing: Thing, feature: string, name: string): number | null {
  const value = property(thing, feature, name);
  return typeof value === "number" ? value : null;
}

// What a model says holds for a while; once that is over it says nothing, whether or not it still stands there.
export const expired = (thing: Thing, feature: string, at: number): boolean => (number(thing, feature, "expiresAt") ?? Infinity) < at;

// A value is stale when ingest says so, or when it has not been seen for two minutes. What had not been seen for so long at a
// past moment is not in that moment at all.
export function stale(thing: Thing, feature: string, at: number): boolean {
  const properties = thing.features[feature]?.properties;
  if (properties === undefined) return true;
  const observed = properties["observedAt"];
  return properties["quality"] === "stale" || (typeof observed === "number" && at - observed > 120_000);
}
