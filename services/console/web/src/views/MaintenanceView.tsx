// What is degrading: state, evidence, remaining life with its interval, and when to do something about it.
import { Card, CONCERNS, concernsOf, stateOf } from "../parts/Findings";
import { property, things, tick } from "../store";
import { text } from "../text";

export function MaintenanceView() {
  tick.value;
  const watched = [...things.values()].filter((thing) => CONCERNS.some((concern) => stateOf(thing, concern) !== undefined));
  const score = (thing: (typeof watched)[number], concern: (typeof CONCERNS)[number]): number => Number(property(thing, concern, "score") ?? 0);
  const found = [...things.values()]
    .flatMap((thing) => concernsOf(thing).map((concern) => ({ thing, concern })))
    .sort((a, b) => CONCERNS.indexOf(a.concern) - CONCERNS.indexOf(b.concern) || score(b.thing, b.concern) - score(a.thing, a.concern));
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
