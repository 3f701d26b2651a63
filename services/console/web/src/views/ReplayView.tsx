// A time line over all history: the room follows as it is played. Alerts stand on it where they fired.
import { Detail } from "../parts/Detail";
import { Legend } from "../parts/Legend";
import { useReplay, type Replay } from "../parts/replaying";
import { clock, shownTime, TimeLine } from "../parts/TimeLine";
import { selected } from "../store";
import { text } from "../text";
import { RoomStage, RoomTools } from "./RoomView";

export function ReplayView() {
  const replay = useReplay();
  const chosen = selected.value !== null;
  const keys = (event: KeyboardEvent): void => {
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement || event.target instanceof HTMLButtonElement) return;
    if (event.key === " ") {
      event.preventDefault();
      replay.play();
    }
  };
  return (
    <div class="split" onKeyDown={keys}>
      <div class="room past">
        <RoomTools />
        <p class="then">
          {text.replay.then} <b>{shownTime(replay)}</b> <small>{text.replay.thenHint}</small>
        </p>
        <RoomStage />
        <TimeLine replay={replay} />
        <Legend />
      </div>
      <aside class="side" tabIndex={0} aria-label={text.room.aside}>
        {chosen && <Detail />}
        <PastAlerts replay={replay} />
        {!chosen && <Detail />}
      </aside>
    </div>
  );
}

function PastAlerts({ replay: { alerts, alertsError, count, hours, jump } }: { replay: Replay }) {
  const told = alerts ?? [];
  return (
    <>
      <h2>{text.replay.alerts}</h2>
      {alertsError !== null && (
        <p class="error" role="alert">
          {alertsError}
        </p>
      )}
      {count > told.length && <p class="hint">{text.replay.newest(told.length, count)}</p>}
      {told.length === 0 ? (
        alerts !== null && <p class="hint">{text.replay.none}</p>
      ) : (
        <ul class="jumps">
          {told.map((each, i) => (
            <li key={i}>
              <button class="link" onClick={() => jump(each)}>
                <time>{clock(each.since, hours)}</time> {each.text}
              </button>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
