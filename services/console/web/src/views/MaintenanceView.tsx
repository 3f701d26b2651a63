// What is degrading: state, evidence, remaining life with its interval, and when to do something about it.
import type { Thing } from "../api";
import { go } from "../parts/go";
import { now, property, things, tick } from "../store";
import { text } from "../text";

type Facts = Record<string, unknown>;
const CONCERNS = ["maintenance", "anomaly", "sensing"] as const;
type Concern = (typeof CONCERNS)[number];
const QUIET = new Set(["none", "normal", undefined]);

interface Finding {
  thing: Thing;
  concern: Concern;
  score: number;
}

const facts = (thing: Thing, concern: Concern): Facts => (property(thing, concern, "evidence") ?? {}) as Facts;
const days = (hours: number): string => (hours < 48 ? `${Math.round(hours)} h` : `${(hours / 24).toFixed(hours < 240 ? 1 : 0)} d`);
const hours = (found: Facts, ...names: string[]): number | null => {
  for (const name of names) if (typeof found[name] === "number") return found[name];
  return null;
};

export function MaintenanceView() {
  tick.value;
  const watched = [...things.values()].filter((thing) => CONCERNS.some((concern) => thing.features[concern]?.properties["state"] !== undefined));
  const found = [...things.values()]
    .flatMap((thing) => CONCERNS.filter((concern) => !QUIET.has(property(thing, concern, "state") as string | undefined)).map((concern): Finding => ({ thing, concern, score: Number(property(thing, concern, "score") ?? 0) })))
    .sort((a, b) => CONCERNS.indexOf(a.concern) - CONCERNS.indexOf(b.concern) || b.score - a.score);
  return (
    <div class="page">
      <h1>{text.maintenance.heading}</h1>
      <p class="hint">
        {watched.length === 0 ? text.maintenance.unwatched : `${watched.length} ${text.maintenance.watched}`}
      </p>
      {found.length === 0 && watched.length > 0 ? <p class="good">{text.maintenance.none}</p> : found.map((each) => <Card key={`${each.thing.id} ${each.concern}`} {...each} />)}
    </div>
  );
}

function Card({ thing, concern, score }: Finding) {
  const evidence = facts(thing, concern);
  const state = String(property(thing, concern, "state"));
  const cause = String(property(thing, concern, "cause") ?? "");
  return (
    <article class={`alert ${state === "due" || state === "anomalous" ? "critical" : "warning"}`}>
      <h2>
        <button class="link" onClick={() => go(thing.id, thing.attributes["location"] as string | undefined)}>
          {thing.name}
        </button>{" "}
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
  if (typeof life !== "number") return <p class="hint">{text.maintenance.unknownLife}</p>;
  const low = hours(evidence, "lo", "low", "lower");
  const high = hours(evidence, "hi", "high", "upper");
  const most = Math.max(life, high ?? life) * 1.1 || 1;
  const at = (value: number): string => `${(Math.max(0, value) / most) * 100}%`;
  // Before the interval begins the part still holds with what the model is sure of.
  const until = now.value + (low ?? life) * 3_600_000;
  const window = evidence["window"];
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
        <b>{text.maintenance.window}:</b> {typeof window === "string" ? window : `${text.maintenance.before} ${new Date(until).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}`}
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
