// One what-if that was asked: what came of it, its cases, and, opened, side by side with the baseline.
import { api, type CaseResult, type Scenario } from "../api";
import { shown } from "../room/Tip";
import { site } from "../store";
import { text } from "../text";
import { sentences } from "../words";
import { Compare } from "./Compare";
import { WideTable } from "./WideTable";

const after = (seconds: number | null | undefined): string =>
  seconds === null || seconds === undefined ? text.whatif.never : seconds < 120 ? `${Math.round(seconds)} s` : `${(seconds / 60).toFixed(1)} min`;

interface AnswerProps {
  scenario: Scenario;
  open: boolean;
  onOpen: () => void;
  onUse: () => void;
  onForget: (() => void) | null;
}

export function Answer({ scenario, open, onOpen, onUse, onForget }: AnswerProps) {
  const { status } = scenario;
  const cases = status.cases ?? [];
  const asked = scenario.spec.whatIf === undefined ? [] : sentences(scenario.spec.whatIf);
  const failed = status.phase === "Failed" ? status.conditions?.find((each) => each.type === "Ready")?.message : undefined;
  return (
    <article class="room-card">
      <h3>
        {scenario.name} <small>{scenario.spec.room}</small> <span class={`badge ${status.phase ?? "Pending"}`}>{text.whatif.phases[status.phase ?? "Pending"]}</span>
      </h3>
      {asked.length > 0 && <p class="hint">{asked.join("; ")}</p>}
      <p>{failed ?? status.headline ?? text.whatif.computing}</p>
      <p class="buttons start">
        {status.phase === "Done" && (
          <>
            <button class={open ? "" : "main"} aria-expanded={open} onClick={onOpen}>
              {open ? text.whatif.close : text.whatif.compare}
            </button>
            <a href={api.reportUrl(site.value, scenario.name)} target="_blank" rel="noreferrer">
              {text.whatif.report}
            </a>
          </>
        )}
        <button onClick={onUse}>{text.whatif.again}</button>
        {onForget !== null && <button onClick={onForget}>{text.whatif.forget}</button>}
        <small class="hint">
          {scenario.asked_by ?? ""} {new Date(scenario.created).toLocaleString()}
        </small>
      </p>
      {cases.length > 0 && (
        <WideTable heads={[text.whatif.case, text.whatif.recommended, text.whatif.allowable, text.whatif.peak, text.whatif.rci, text.whatif.energy]}>
          {cases.map((each: CaseResult) => (
            <tr key={each.name}>
              <th scope="row">{each.name}</th>
              <td>
                {after(each.recommendedAfterS)} <small>({text.whatif.airOnly} {after(each.recommendedAfterAirOnlyS)})</small>
              </td>
              <td>
                {after(each.allowableAfterS)} <small>({text.whatif.airOnly} {after(each.allowableAfterAirOnlyS)})</small>
              </td>
              <td>
                {shown(each.peakC ?? null, 1, "°C")} <small>{(each.peakRack ?? "").replace(/^.*:rack-/, "")}</small>
              </td>
              <td>{shown(each.rciHi ?? null, 0, "%")}</td>
              <td>{shown(each.coolingEnergyVsBaselinePercent ?? null, 1, "%")}</td>
            </tr>
          ))}
        </WideTable>
      )}
      {open && status.phase === "Done" && cases.length > 0 && <Compare scenario={scenario} />}
    </article>
  );
}
