// Where a new rack fits: free places tried in the room's model, drawn on the plan by rank, and what the room can still carry.
import { useEffect, useState } from "preact/hooks";
import { api, ApiError, type Placement as Answer } from "../api";
import { Plan, type Spot } from "../room/Plan";
import { shown } from "../room/Tip";
import { room, site } from "../store";
import { text } from "../text";

const kilowatts = (watts: number): string => shown(watts / 1000, 1, "kW");

export function Placement() {
  const [power, setPower] = useState(8);
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  useEffect(() => {
    setAnswer(null);
    setChosen(null);
    setError(null);
  }, [room.value, site.value]);
  const search = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      setAnswer(await api.placement(site.value, room.value, power * 1000));
      setChosen(1);
    } catch (problem) {
      setAnswer(null);
      setError(problem instanceof ApiError ? problem.message : text.errors.failed);
    } finally {
      setBusy(false);
    }
  };
  const spots = (answer?.places ?? []).map((place, i): Spot => {
    const label = `${i + 1}: ${text.placement.row} ${place.row}, ${place.fits ? text.placement.fits : text.placement.no}`;
    return { x: place.x, y: place.y, rank: i + 1, fits: place.fits, label };
  });
  const place = chosen === null ? undefined : answer?.places[chosen - 1];
  return (
    <section class="placement" aria-label={text.placement.heading}>
      <h2>{text.placement.heading}</h2>
      <form class="tools" onSubmit={(event) => void search(event)}>
        <label>
          {text.placement.power}{" "}
          <input type="number" class="short" min={0.1} max={1000} step={0.1} value={power} onInput={(event) => setPower(Number(event.currentTarget.value))} /> kW
        </label>
        <button class="main" type="submit" disabled={busy || !(power > 0)}>
          {busy ? text.placement.busy : text.placement.search}
        </button>
      </form>
      {error !== null && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {answer !== null && (
        <>
          <p role="status">
            {answer.places.filter((each) => each.fits).length} {text.placement.of} {answer.places.length} {text.placement.found}. {text.placement.left}: {text.placement.byPower}{" "}
            <b>{kilowatts(answer.left.power_w)}</b>, {text.placement.byCooling} <b>{kilowatts(answer.left.cooling_w)}</b>, {text.placement.oneLost}{" "}
            <b>{kilowatts(answer.left.cooling_one_lost_w)}</b>; {text.placement.limit} {answer.left.limit}.
          </p>
          <div class="columns even">
            <Plan spots={spots} chosenSpot={chosen} onSpot={setChosen} />
            <div>
              {place !== undefined && (
                <p class={`last ${place.fits ? "accepted" : "refused"}`}>
                  <b>
                    {chosen}. {text.placement.row} {place.row}
                  </b>{" "}
                  ({place.x.toFixed(1)} m, {place.y.toFixed(1)} m): {place.why}
                </p>
              )}
              <div class="wide-table" tabIndex={0} role="region" aria-label={text.table}>
                <table>
                  <thead>
                    <tr>
                      {["", text.placement.row, text.placement.own, text.placement.hottest, text.placement.lost].map((each, i) => (
                        <th scope="col" key={i}>
                          {each}
                        </th>
                      ))}
                    </tr>
                  </thead>
                  <tbody>
                    {answer.places.map((each, i) => (
                      <tr key={i} class={chosen === i + 1 ? "chosen" : ""}>
                        <td>
                          <button class="link" onClick={() => setChosen(i + 1)}>
                            {i + 1}
                          </button>
                        </td>
                        <th scope="row">
                          {each.row} {each.fits ? "" : `(${text.placement.no})`}
                        </th>
                        <td>{shown(each.own_inlet_c, 1, "°C")}</td>
                        <td>{shown(each.hottest_c, 1, "°C")}</td>
                        <td>
                          {shown(each.hottest_one_lost_c, 1, "°C")} <small>{each.worst_loss.replace(/^.*:[a-z]+-/, "")}</small>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </div>
          </div>
        </>
      )}
    </section>
  );
}
