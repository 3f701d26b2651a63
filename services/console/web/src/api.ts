// Calls to the console's API. Every error is an ApiError with the text that the server gave.
// The most that a log gives at once; newest first.
export const LOG_LIMIT = 1000;

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export interface Me {
  user: string;
  role: "viewer" | "operator" | "engineer";
  sites: string[];
  csrf: string;
  version: string;
  grafana: string | null;
  ditto_ui: string | null;
}
export interface RoomSummary {
  name: string;
  width: number | null;
  depth: number | null;
  height: number | null;
  racks: number;
  cooling_units: number;
}
export interface SiteSummary {
  name: string;
  display_name: string;
  ashrae_class: string;
  // Days that history is kept at full rate, by the minute and by the quarter of an hour; 0: for ever.
  kept_days: [number, number, number];
  rooms: RoomSummary[];
}
export interface Feature {
  properties: Record<string, unknown>;
  desiredProperties?: Record<string, unknown>;
}
export interface Thing {
  id: string;
  kind: "site" | "room" | "rack" | "server" | "cooling" | "pdu" | "gateway";
  name: string;
  attributes: Record<string, unknown>;
  features: Record<string, Feature | null>;
}
export interface Things {
  at: number;
  feed: string;
  things: Thing[];
}
export type Point = [number, number | string | null];
export interface Series {
  step_s: number;
  series: Record<string, Point[]>;
}
// Things at moments of the past, by feature/property; where there are `texts` values are places among them.
export interface States {
  step_s: number;
  times: number[];
  texts: Record<string, string[]>;
  values: Record<string, Record<string, (number | null)[]>>;
}
export interface PastAlert {
  thing: string;
  rule: string;
  severity: "info" | "warning" | "critical";
  title: string;
  text: string;
  since: number;
  until: number | null;
  acknowledged_by: string | null;
  acknowledged_at: number | null;
}
export interface Hit {
  id: string;
  kind: Thing["kind"];
  name: string;
  room: string | null;
}
export type LogEntry = Record<string, unknown> & { at: number };

let csrf = "";

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET") headers["x-csrf-token"] = csrf;
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  } catch {
    throw new ApiError(0, "The console does not answer.");
  }
  const content: unknown = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, detailOf(content) ?? response.statusText);
  return content as T;
}

function detailOf(content: unknown): string | null {
  if (typeof content !== "object" || content === null || !("detail" in content)) return null;
  const detail = content.detail;
  if (typeof detail === "string") return detail;
  if (Array.isArray(detail)) {
    return detail.map((each: { loc?: unknown[]; msg?: string }) => `${(each.loc ?? []).slice(1).join(".")}: ${each.msg ?? ""}`).join("; ");
  }
  return null;
}

function query(values: Record<string, string | number | string[] | undefined>): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const each of Array.isArray(value) ? value : [value]) if (each !== undefined) parts.append(name, String(each));
  }
  return `?${parts}`;
}

const known = (me: Me): Me => {
  csrf = me.csrf;
  return me;
};
const place = encodeURIComponent;

export const api = {
  ways: () => call<{ local: boolean; oidc: boolean }>("GET", "/ways"),
  me: async () => known(await call<Me>("GET", "/session")),
  signIn: async (user: string, password: string) => known(await call<Me>("POST", "/session", { user, password })),
  signOut: () => call<null>("DELETE", "/session"),
  sites: () => call<SiteSummary[]>("GET", "/sites"),
  things: (site: string) => call<Things>("GET", `/sites/${place(site)}/things`),
  search: (site: string, q: string) => call<Hit[]>("GET", `/sites/${place(site)}/search${query({ q })}`),
  series: (site: string, thing: string, feature: string, property: string[], from: number, to: number, points = 300) =>
    call<Series>("GET", `/sites/${place(site)}/things/${place(thing)}/series${query({ feature, property, from, to, points })}`),
  predictions: (site: string, thing: string, from: number, to: number) =>
    call<Prediction[]>("GET", `/sites/${place(site)}/things/${place(thing)}/predictions${query({ from, to })}`),
  states: (site: string, room: string, from: number, to: number, step_s: number, thing: string[] = []) =>
    call<States>("GET", `/sites/${place(site)}/states${query({ room, from, to, step_s, thing })}`),
  inlets: (site: string, room: string, from: number, to: number, points: number) =>
    call<{ hottest: [number, number][]; coldest: [number, number][] }>("GET", `/sites/${place(site)}/inlets${query({ room, from, to, points })}`),
  pastAlerts: (site: string, from: number, to: number) => call<PastAlert[]>("GET", `/sites/${place(site)}/alerts/past${query({ from, to })}`),
  extent: (site: string) => call<{ oldest: number | null }>("GET", `/sites/${place(site)}/extent`),
  log: (site: string, what: "command" | "alert" | "action", from: number, to: number, limit = LOG_LIMIT) =>
    call<LogEntry[]>("GET", `/sites/${place(site)}/log/${what}${query({ from, to, limit })}`),
  alerts: (site: string) => call<Alert[]>("GET", `/sites/${place(site)}/alerts`),
  acknowledge: (site: string, thing: string, rule: string) =>
    call<null>("POST", `/sites/${place(site)}/things/${place(thing)}/alerts/${place(rule)}/acknowledge`),
  scenarios: (site: string) => call<Scenario[]>("GET", `/sites/${place(site)}/scenarios`),
  askWhatIf: (site: string, question: Question) => call<{ name: string }>("POST", `/sites/${place(site)}/scenarios`, question),
  whatIfYaml: (site: string, question: Question) => call<{ yaml: string }>("POST", `/sites/${place(site)}/scenarios/yaml`, question),
  scenarioSeries: (site: string, name: string, cases: string[]) =>
    call<ScenarioSeries>("GET", `/sites/${place(site)}/scenarios/${place(name)}/series${query({ case: cases })}`),
  forgetScenario: (site: string, name: string) => call<null>("DELETE", `/sites/${place(site)}/scenarios/${place(name)}`),
  reportUrl: (site: string, name: string) => `/api/v1/sites/${place(site)}/scenarios/${place(name)}/report`,
  optimiserMode: (site: string, room: string, mode: string) =>
    call<null>("PUT", `/sites/${place(site)}/rooms/${place(room)}/optimisation/mode`, { mode }),
  acceptProposal: (site: string, room: string, proposal: string, confirm: boolean) =>
    call<{ wishes: Record<string, string> }>("POST", `/sites/${place(site)}/rooms/${place(room)}/optimisation/accept`, { proposal, confirm }),
  leaveProposal: (site: string, room: string, proposal: string, why: string) =>
    call<null>("POST", `/sites/${place(site)}/rooms/${place(room)}/optimisation/leave`, { proposal, why }),
  placement: (site: string, room: string, power_w: number) =>
    call<Placement>("POST", `/sites/${place(site)}/rooms/${place(room)}/placement`, { power_w }),
  wish: (site: string, unit: string, values: Record<string, unknown>) =>
    call<{ id: string }>("POST", `/sites/${place(site)}/units/${place(unit)}/wish`, values),
};

export interface Alert {
  thing: string;
  kind: Thing["kind"];
  name: string;
  room: string | null;
  rule: string;
  severity: "info" | "warning" | "critical";
  title: string;
  text: string;
  action: string;
  since: number;
  acknowledged_by: string | null;
}
export interface CaseResult {
  name: string;
  darkRacks?: number;
  racksOutOfRecommended?: number;
  racksOutOfAllowable?: number;
  firstRack?: string;
  recommendedAfterS?: number | null;
  allowableAfterS?: number | null;
  recommendedAfterAirOnlyS?: number | null;
  allowableAfterAirOnlyS?: number | null;
  peakC?: number | null;
  peakRack?: string;
  rciHi?: number | null;
  coolingEnergyKwh?: number | null;
  coolingEnergyVsBaselinePercent?: number | null;
}
export interface Change {
  atS?: number;
  [what: string]: unknown;
}
export interface Question {
  room: string;
  name?: string;
  baseTime?: string;
  whatIf: { durationS: number; changes?: Change[]; cases?: { name: string; changes: Change[] }[]; eachUnitFails?: boolean };
}
export interface ScenarioSeries {
  start: number | null;
  // Seconds from the beginning.
  times: number[];
  cases: Record<string, { inlets: Record<string, (number | null)[]>; power: (number | null)[] }>;
}
export interface FreePlace {
  row: string;
  x: number;
  y: number;
  own_inlet_c: number;
  hottest_c: number;
  hottest_one_lost_c: number;
  worst_loss: string;
  fits: boolean;
  why: string;
}
export interface Placement {
  room: string;
  power_w: number;
  places: FreePlace[];
  left: { power_w: number; cooling_w: number; cooling_one_lost_w: number; limit: string };
}
export interface Scenario {
  name: string;
  created: string;
  asked_by: string | null;
  spec: { room: string; whatIf?: Question["whatIf"]; replay?: unknown };
  status: { phase?: string; headline?: string; cases?: CaseResult[]; conditions?: { type: string; status: string; message?: string }[] };
}

export interface Prediction {
  model: string;
  target: string;
  horizonS: number;
  issuedAt: number;
  validAt: number;
  value: number;
  lo: number | null;
  hi: number | null;
}
