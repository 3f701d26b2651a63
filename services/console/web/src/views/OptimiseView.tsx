// The optimiser's proposal for the room: what, why, what it saves and risks; accept it, or say who acts from now on.
import { useState } from "preact/hooks";
import { Placement } from "../parts/Placement";
import { api, ApiError } from "../api";
import { shown } from "../room/Tip";
import { me, now, number, property, room, site, things, tick } from "../store";
import { text } from "../text";

interface Setting {
  setpoint?: number;
  fanSpeed?: number;
  setpointNow?: number;
  fanSpeedNow?: number;
}

export function OptimiseView() {
  tick.value;
  const [error, setError] = useState<string | null>(null);
  const [confirm, setConfirm] = useState(false);
  const [why, setWhy] = useState("");
  const [asked, setAsked] = useState<Record<string, string> | null>(null);
  const own = things.get(`racktwin.${site.value}:room-${room.value}`);
  const engineer = me.value?.role === "engineer";
  if (own === undefined || property(own, "optimisation", "at") === undefined) {
    return (
      <div class="page">
        <h1>
          {text.optimise.heading} {room.value}
        </h1>
        <p class="hint">{text.optimise.none}</p>
        <Placement />
      </div>
    );
  }
  const read = (name: string): string => String(property(own, "optimisation", name) ?? "–");
  const kilowatts = (name: string): string => {
    const value = number(own, "optimisation", name);
    return shown(value === null ? null : value / 1000, 1, "kW");
  };
  const settings = (property(own, "optimisation", "settings") ?? {}) as Record<string, Setting>;
  const givesUp = property(own, "optimisation", "givesUp");
  const mode = read("mode");
  // Who did not want the last one that was left, and why; a newer one may stand here meanwhile.
  const wish = own.features["optimisation"]?.desiredProperties?.["left"] as Record<string, unknown> | undefined;
  const left = wish?.["proposal"] === read("proposal");
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setError(null);
    try {
      await work();
    } catch (problem) {
      setError(problem instanceof ApiError ? problem.message : text.errors.failed);
    }
  };
  return (
    <div class="page">
      <h1>
        {text.optimise.heading} {room.value}
      </h1>
      <label class="inline">
        {text.optimise.mode}{" "}
        <select
          value={mode}
          disabled={!engineer}
          onChange={(event) => void attempt(async () => void (await api.optimiserMode(site.value, room.value, event.currentTarget.value)))}
        >
          {Object.entries(text.optimise.modes).map(([name, label]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <div class="cards">
        {(
          [
            [text.optimise.state, read("state")],
            [text.optimise.now, kilowatts("powerNow")],
            [text.optimise.then, kilowatts("powerThen")],
            [text.optimise.saving, shown(number(own, "optimisation", "saving"), 1, "%")],
            [text.optimise.hottestNow, shown(number(own, "optimisation", "hottestNow"), 1, "°C")],
            [text.optimise.hottest, shown(number(own, "optimisation", "hottest"), 1, "°C")],
            [text.optimise.margin, shown(number(own, "optimisation", "margin"), 1, "K")],
            [text.optimise.looked, typeof property(own, "optimisation", "at") === "number" ? text.agoSeconds((now.value - (property(own, "optimisation", "at") as number)) / 1000) : "–"],
          ] as [string, string][]
        ).map(([name, value]) => (
          <div class="card" key={name}>
            <span>{name}</span>
            <b>{value}</b>
          </div>
        ))}
      </div>
      <p>
        <b>{text.optimise.why}:</b> {read("why")}
      </p>
      {givesUp !== undefined && givesUp !== null && Object.keys(givesUp as object).length > 0 && (
        <p class="error">
          {text.optimise.givesUp}: {Object.entries(givesUp as Record<string, unknown>).map(([name, by]) => `${name} ${String(by)} K`).join(", ")}
        </p>
      )}
      {Object.keys(settings).length > 0 && (
        <table class="wide">
          <thead>
            <tr>
              {[text.optimise.unit, text.optimise.setpoint, text.optimise.fan, text.unit.last].map((each) => (
                <th scope="col" key={each}>
                  {each}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {Object.entries(settings).map(([unit, setting]) => {
              const thing = things.get(unit);
              const last = thing === undefined ? undefined : (property(thing, "control", "lastCommand") as Record<string, unknown> | undefined);
              const mine = asked !== null && last !== undefined && last["id"] === asked[unit] ? last : null;
              return (
                <tr key={unit}>
                  <th scope="row">{thing?.name ?? unit}</th>
                  <td>
                    {shown(setting.setpointNow ?? null, 1, "°C")} → <b>{shown(setting.setpoint ?? null, 1, "°C")}</b>
                  </td>
                  <td>
                    {shown(setting.fanSpeedNow ?? null, 0, "%")} → <b>{shown(setting.fanSpeed ?? null, 0, "%")}</b>
                  </td>
                  <td>{mine === null ? "" : `${String(mine["state"])} ${String(mine["detail"] ?? "")}`}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {error !== null && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {asked !== null && <p role="status">{text.optimise.accepted}</p>}
      {read("state") === "proposed" && (
        <p class="buttons start">
          <label class="check">
            <input type="checkbox" checked={confirm} onChange={(event) => setConfirm(event.currentTarget.checked)} /> {text.optimise.confirm}
          </label>
          <button
            class="main"
            disabled={!engineer || left}
            title={engineer ? "" : text.errors.role}
            onClick={() => void attempt(async () => setAsked((await api.acceptProposal(site.value, room.value, read("proposal"), confirm)).wishes))}
          >
            {text.optimise.accept}
          </button>
          <button
            disabled={!engineer || left}
            title={engineer ? "" : text.errors.role}
            onClick={() => void attempt(async () => void (await api.leaveProposal(site.value, room.value, read("proposal"), why)))}
          >
            {text.optimise.refuse}
          </button>
          <label>
            <span class="hidden">{text.optimise.because}</span>
            <input placeholder={text.optimise.because} maxLength={200} value={why} onInput={(event) => setWhy(event.currentTarget.value)} />
          </label>
        </p>
      )}
      {wish !== undefined && (
        <p class="hint" role="status">
          {text.optimise.left} {String(wish["who"] ?? "")} {typeof wish["at"] === "number" ? text.agoSeconds((now.value - wish["at"]) / 1000) : ""}
          {wish["why"] ? `: ${String(wish["why"])}` : ""}
        </p>
      )}
      <Placement />
    </div>
  );
}
