// Builds a what-if by choosing or clicking, asks it, and shows its cases beside the baseline. The question stands in the
// address, so it can be shared; as YAML it can be applied with kubectl.
import { useEffect, useState } from "preact/hooks";
import { api, ApiError, type Change, type Question } from "../api";
import { changeOf, fromAddress, hasValue, KINDS, onUnit, UNIT, USUAL, type Feed, type Kind } from "../changes";
import { useRead } from "../parts/hooks";
import { Answer } from "../parts/Answer";
import { Plan } from "../room/Plan";
import { me, ofRoom, room, selected, site, things, tick } from "../store";
import { text } from "../text";
import { sentence } from "../words";

export function WhatIfView() {
  tick.value;
  const [asked] = useState(() => fromAddress(location.hash));
  const [changes, setChanges] = useState<Change[]>(asked.changes);
  const [duration, setDuration] = useState(asked.duration);
  const [each, setEach] = useState(asked.each);
  const [open, setOpen] = useState(asked.open);
  const [name, setName] = useState("");
  const [copied, setCopied] = useState(false);
  const [kind, setKind] = useState<Kind>("unitFails");
  const [target, setTarget] = useState("");
  const [value, setValue] = useState(0);
  const [feed, setFeed] = useState<Feed>("A");
  const [after, setAfter] = useState(0);
  const [yaml, setYaml] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [again, setAgain] = useState(0);
  const scenarios = useRead(() => api.scenarios(site.value), [site.value, again], 2000);
  const engineer = me.value?.role === "engineer";

  useEffect(() => {
    const asked = new URLSearchParams();
    if (changes.length > 0) asked.set("changes", JSON.stringify(changes));
    if (duration !== 3600) asked.set("for", String(duration));
    if (each) asked.set("each", "1");
    if (open !== null) asked.set("show", open);
    history.replaceState(null, "", `${location.pathname}${location.search}#${asked}`);
    setCopied(false);
  }, [changes, duration, each, open]);
  // What is clicked in the plan is what the next change is about.
  useEffect(() => {
    const thing = selected.value === null ? undefined : things.get(selected.value);
    if (thing === undefined) return;
    if (thing.kind === "cooling" && !onUnit(kind)) setKind("unitFails");
    if (thing.kind === "rack" && onUnit(kind)) {
      setKind("load");
      setValue(USUAL.load);
    }
    if (thing.kind === "cooling" || thing.kind === "rack") setTarget(thing.name);
  }, [selected.value]);

  const targets = kind === "containment" ? [] : ofRoom(onUnit(kind) ? "cooling" : kind === "pduFails" ? "pdu" : "rack", room.value);
  const chosen = targets.some((thing) => thing.name === target) ? target : (targets[0]?.name ?? "");
  const question: Question = { room: room.value, ...(name === "" ? {} : { name }), whatIf: { durationS: duration, ...(each ? { eachUnitFails: true } : { changes }) } };
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setError(null);
    try {
      await work();
    } catch (problem) {
      setError(problem instanceof ApiError ? problem.message : text.errors.failed);
    }
  };
  return (
    <div class="split broad">
      <div class="page scroll">
        <h1>{text.whatif.heading}</h1>
        <p class="hint">{text.whatif.hint}</p>
        <div class="tools">
          <label>
            {text.whatif.kind}{" "}
            <select
              value={kind}
              onChange={(event) => {
                const next = event.currentTarget.value as Kind;
                setKind(next);
                setValue(USUAL[next]);
              }}
            >
              {KINDS.map((name) => (
                <option key={name} value={name}>
                  {text.whatif[name]}
                </option>
              ))}
            </select>
          </label>
          {targets.length > 0 && (
            <label>
              {text.whatif.target}{" "}
              <select value={chosen} onChange={(event) => setTarget(event.currentTarget.value)}>
                {targets.map((thing) => (
                  <option key={thing.id}>{thing.name}</option>
                ))}
              </select>
            </label>
          )}
          {kind === "pduFails" && targets.length === 0 && <span class="hint">{text.whatif.noPdu}</span>}
          {kind === "feed" && (
            <label>
              {text.whatif.whichFeed}{" "}
              <select value={feed} onChange={(event) => setFeed(event.currentTarget.value as Feed)}>
                <option>A</option>
                <option>B</option>
              </select>
            </label>
          )}
          {hasValue(kind) && (
            <label>
              {text.whatif.value}{" "}
              <input type="number" class="short" value={value} onInput={(event) => setValue(Number(event.currentTarget.value))} /> {UNIT[kind]}
            </label>
          )}
          <label>
            {text.whatif.at}{" "}
            <input
              type="number"
              class="short"
              min={0}
              max={Math.floor(duration / 60)}
              value={after}
              onInput={(event) => setAfter(Math.max(0, Number(event.currentTarget.value) || 0))}
            />{" "}
            min
          </label>
          <button disabled={each || (kind !== "containment" && chosen === "")} onClick={() => setChanges([...changes, changeOf({ kind, name: chosen, value, feed, after })])}>
            {text.whatif.add}
          </button>
          <label class="check">
            <input type="checkbox" checked={each} onChange={(event) => setEach(event.currentTarget.checked)} /> {text.whatif.each}
          </label>
        </div>
        {!each && (
          <ul class="changes">
            {changes.length === 0 && <li class="hint">{text.whatif.nothing}</li>}
            {changes.map((change, index) => (
              <li key={index}>
                <span>{sentence(change)}</span>{" "}
                <button class="link" onClick={() => setChanges(changes.filter((_, i) => i !== index))}>
                  {text.whatif.remove}
                </button>
              </li>
            ))}
          </ul>
        )}
        <div class="tools">
          <label>
            {text.whatif.duration}{" "}
            <select value={duration} onChange={(event) => setDuration(Number(event.currentTarget.value))}>
              {[900, 1800, 3600, 7200, 14400].map((s) => (
                <option key={s} value={s}>
                  {s / 60} min
                </option>
              ))}
              {![900, 1800, 3600, 7200, 14400].includes(duration) && <option value={duration}>{Math.round(duration / 60)} min</option>}
            </select>
          </label>
          <label>
            {text.whatif.name}{" "}
            <input
              class="short"
              pattern="[a-z]([-a-z0-9]*[a-z0-9])?"
              maxLength={30}
              placeholder={text.whatif.anyName}
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
          <button
            class="main"
            disabled={!engineer || (!each && changes.length === 0)}
            title={engineer ? "" : text.whatif.engineer}
            onClick={() =>
              void attempt(async () => {
                const made = await api.askWhatIf(site.value, question);
                setOpen(made.name);
                setName("");
                setAgain(again + 1);
              })
            }
          >
            {text.whatif.ask}
          </button>
          <button
            onClick={() =>
              void attempt(async () => {
                await navigator.clipboard.writeText(location.href);
                setCopied(true);
              })
            }
          >
            {copied ? text.whatif.copied : text.whatif.share}
          </button>
          <button
            disabled={!engineer || (!each && changes.length === 0)}
            onClick={() => void attempt(async () => setYaml((await api.whatIfYaml(site.value, question)).yaml))}
          >
            {text.whatif.yaml}
          </button>
        </div>
        {error !== null && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        {yaml !== null && (
          <pre tabIndex={0} aria-label={text.whatif.yaml}>
            {yaml}
          </pre>
        )}
        <h2>{text.whatif.past}</h2>
        {scenarios.error !== null && <p class="error">{scenarios.error}</p>}
        {scenarios.value?.length === 0 && <p class="hint">{text.whatif.none}</p>}
        {(scenarios.value ?? []).filter((scenario) => scenario.spec.whatIf !== undefined).map((scenario) => (
          <Answer
            key={scenario.name}
            scenario={scenario}
            open={open === scenario.name}
            onOpen={() => setOpen(open === scenario.name ? null : scenario.name)}
            onUse={() => {
              const asked = scenario.spec.whatIf!;
              if (scenario.spec.room !== room.value) room.value = scenario.spec.room;
              setChanges(asked.changes ?? []);
              setEach(asked.eachUnitFails === true);
              setDuration(asked.durationS);
            }}
            onForget={
              engineer
                ? () =>
                    void attempt(async () => {
                      await api.forgetScenario(site.value, scenario.name);
                      setAgain(again + 1);
                    })
                : null
            }
          />
        ))}
      </div>
      <aside class="side" tabIndex={0} aria-label={text.room.aside}>
        <h2>
          {text.whatif.pick} {room.value}
        </h2>
        <Plan />
        <p class="hint">{text.whatif.pickHint}</p>
      </aside>
    </div>
  );
}
