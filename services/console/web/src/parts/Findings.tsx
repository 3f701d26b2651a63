// What a model or the upkeep finds wrong with a thing: state, evidence, remaining life with its interval, when to mend it.
import type { Thing } from "../api";
import { expired, property, shownAt } from "../store";
import { text } from "../text";
import { go } from "./go";

export type Facts = Record<string, unknown>;
export const CONCERNS = ["maintenance", "anomaly", "sensing"] as const;
export type Concern = (typeof CONCERNS)[number];
const QUIET = new Set(["none", "normal", undefined]);

// A verdict's state; none where nobody judges, or where what was said has expired.
export const stateOf = (thing: Thing, concern: Concern): string | undefined =>
  expired(thing, concern, shownAt()) ? undefined : (property(thing, concern, "state") as string | undefined);

// Concerns of a thing that are not all well.
export const concernsOf = (thing: Thing): Concern[] => CONCERNS.filter((concern) => !QUIET.has(stateOf(thing, concern)));

const facts = (thing: Thing, concern: Concern): Facts => (property(thing, concern, "evidence") ?? {}) as Facts;
const days = (hours: number): string => (hours < 48 ? `${Math.round(hours)} h` : `${(hours / 24).toFixed(hours < 240 ? 1 : 0)} d`);
const hours = (found: Facts, ...names: string[]): number | null => {
  for (const name of names) if (typeof found[name] === "number") return found[name];
  return null;
};

const moment = (at: number | string): string => new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

// The window that was suggested, or null.
function suggested(evidence: Facts): string | null {
  const window = evidence["window"];
  if (typeof window === "string") return window;
  if (typeof window !== "object" || window === null) return null;
  const { from, to } = window as Record<string, unknown>;
  return typeof from === "string" && typeof to === "string" ? `${moment(from)} – ${moment(to)}` : null;
}

// One finding; where the thing itself is shown, its name need not lead to it.
export function Card({ thing, concern, named = true }: { thing: Thing; concern: Concern; named?: boolean }) {
  const score = Number(property(thing, concern, "score") ?? 0);
  const evidence = facts(thing, concern);
  const state = String(property(thing, concern, "state"));
  const cause = String(property(thing, concern, "cause") ?? "");
  return (
    <article class={`alert ${state === "due" || state === "anomalous" ? "critical" : "warning"}`}>
      <h2>
        {named && (
          <button class="link" onClick={() => go(thing.id, thing.attributes["location"] as string | undefined)}>
            {thing.name}
          </button>
        )}{" "}
        <span class="badge">
          {text.maintenance.concerns[concern]}: {state}
        </span>{" "}
        <small>
          {text.maintenance.score} {score.toFixed(2)}
        </small>
      </h2>
      {cause !== "" && <p>{cause}</p>}
      {concern === "maintenance" && <Life thing={thing} evidence={evidence} />}
      <Evidence evidence={evidence} />
    </article>
  );
}

// Expected time until failure on a line of its own, with the interval it is believed in, and the window before it.
function Life({ thing, evidence }: { thing: Thing; evidence: Facts }) {
  const life = property(thing, "maintenance", "remainingUsefulLife");
  if (typeof life !== "number") {
    const when = suggested(evidence);
    return (
      <>
        <p class="hint">{text.maintenance.unknownLife}</p>
        {when !== null && (
          <p>
            <b>{text.maintenance.window}:</b> {when}
          </p>
        )}
      </>
    );
  }
  const low = hours(evidence, "lo", "low", "lower");
  const high = hours(evidence, "hi", "high", "upper");
  const most = Math.max(life, high ?? life) * 1.1 || 1;
  const at = (value: number): string => `${(Math.max(0, value) / most) * 100}%`;
  // Before the interval begins the part still holds with what the model is sure of.
  const until = shownAt() + (low ?? life) * 3_600_000;
  return (
    <>
      <p>
        <b>{text.maintenance.life}:</b> {days(life)}
        {low !== null && high !== null && ` (${days(low)} – ${days(high)})`}
      </p>
      <div class="life" role="img" aria-label={`${text.maintenance.life} ${days(life)}`}>
        {low !== null && high !== null && <i class="span" style={{ left: at(low), width: at(high - low) }} />}
        <i class="point" style={{ left: at(life) }} />
      </div>
      <p>
        <b>{text.maintenance.window}:</b> {suggested(evidence) ?? `${text.maintenance.before} ${moment(until)}`}
      </p>
    </>
  );
}

const spell = (value: unknown): string => {
  if (typeof value === "number") return Math.abs(value) > 1e11 ? new Date(value).toLocaleString() : String(Math.round(value * 1000) / 1000);
  if (Array.isArray(value)) return value.map(spell).join(", ");
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .map(([name, each]) => `${name} ${spell(each)}`)
      .join(", ");
  }
  return String(value);
};

function Evidence({ evidence }: { evidence: Facts }) {
  const rows = Object.entries(evidence).filter(([, value]) => value !== null && value !== "" && spell(value) !== "");
  if (rows.length === 0) return null;
  return (
    <details>
      <summary>{text.maintenance.evidence}</summary>
      <dl class="rows">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{spell(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
