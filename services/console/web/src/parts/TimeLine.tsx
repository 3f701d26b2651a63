// The time line of a replay: where it stands, alerts where they began, and which time is played how fast.
import { text } from "../text";
import { HOUR, type Replay } from "./replaying";

const SPEEDS = [60, 300, 900, 3600];
const HOURS = [1, 3, 6, 12, 24, 72, 168];
const local = (ms: number): string => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

// Over more than a day a time of day says little.
export const clock = (at: number, hours: number): string => (hours > 24 ? new Date(at).toLocaleString() : new Date(at).toLocaleTimeString());

export const shownTime = ({ times, index }: Replay): string => (times[index] === undefined ? "" : new Date(times[index]).toLocaleString());

export function TimeLine({ replay }: { replay: Replay }) {
  return (
    <div class="timeline">
      <Track replay={replay} />
      <Controls replay={replay} />
    </div>
  );
}

function Track({ replay }: { replay: Replay }) {
  const { times, index, show, hours, alerts, jump } = replay;
  const last = Math.max(0, times.length - 1);
  const share = (at: number): number => (times.length < 2 ? 0 : (at - times[0]!) / (times[last]! - times[0]!));
  return (
    <div class="track">
      <input
        type="range"
        min={0}
        max={last}
        value={index}
        aria-label={text.replay.at}
        aria-valuetext={shownTime(replay)}
        disabled={times.length === 0}
        onInput={(event) => show(Number(event.currentTarget.value))}
      />
      {(alerts ?? []).map((alert, i) => (
        <button
          key={i}
          class={`mark ${alert.severity}`}
          style={{ left: `${Math.min(1, share(alert.since)) * 100}%` }}
          aria-label={`${text.replay.jump} ${clock(alert.since, hours)}, ${alert.severity}: ${alert.text}`}
          title={alert.text}
          onClick={() => jump(alert)}
        />
      ))}
    </div>
  );
}

function Controls({ replay }: { replay: Replay }) {
  const { from, hours, choose, oldest, times, state, error, playing, play, speed, setSpeed } = replay;
  return (
    <div class="controls">
      <button class="main play" disabled={times.length === 0 || state === "empty"} onClick={play}>
        {playing ? text.replay.pause : text.replay.play}
      </button>
      <output>{shownTime(replay)}</output>
      <label>
        {text.replay.speed}{" "}
        <select value={speed} onChange={(event) => setSpeed(Number(event.currentTarget.value))}>
          {SPEEDS.map((each) => (
            <option key={each} value={each}>
              {each}×
            </option>
          ))}
        </select>
      </label>
      <label>
        {text.replay.from}{" "}
        <input
          type="datetime-local"
          value={local(from)}
          {...(oldest === null ? {} : { min: local(oldest) })}
          max={local(Date.now())}
          onChange={(event) => event.currentTarget.value !== "" && choose(new Date(event.currentTarget.value).getTime(), hours)}
        />
      </label>
      <label>
        {text.replay.hours}{" "}
        <select value={HOURS.includes(hours) ? hours : 0} onChange={(event) => choose(from, Number(event.currentTarget.value))}>
          {!HOURS.includes(hours) && <option value={0}>{text.replay.all}</option>}
          {HOURS.map((each) => (
            <option key={each} value={each}>
              {each < 48 ? `${each} h` : `${each / 24} d`}
            </option>
          ))}
        </select>
      </label>
      <button onClick={() => choose(Date.now() - HOUR, 1)}>{text.replay.lastHour}</button>
      {oldest !== null && <button onClick={() => choose(oldest, Math.max(0.1, (Date.now() - oldest) / HOUR))}>{text.replay.all}</button>}
      {state === "loading" && <span role="status">{text.replay.loading}</span>}
      {state === "empty" && <span role="status">{text.replay.empty}</span>}
      {error !== null && (
        <span class="error" role="alert">
          {error}
        </span>
      )}
    </div>
  );
}
