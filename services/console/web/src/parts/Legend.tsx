// What the colours mean.
import { gradientOf } from "../colour";
import { ofRoom, past, quantity, room } from "../store";
import { roomScale } from "../room/scale";
import { text } from "../text";

export function Legend() {
  const scale = roomScale(ofRoom("rack", room.value));
  const [low, high] = [scale.stops[0]![0], scale.stops[scale.stops.length - 1]![0]];
  return (
    <figure class="legend">
      <figcaption>
        {text.quantity[quantity.value]}
        {past.value !== null && <small> {new Date(past.value.at).toLocaleTimeString()}</small>}
      </figcaption>
      <div class="ramp" style={{ background: gradientOf(scale) }} />
      <div class="ticks">
        {scale.stops.map(([at]) => (
          <span key={at} style={{ left: `${((at - low) / (high - low)) * 100}%` }}>
            {at.toFixed(scale.digits === 0 ? 0 : at % 1 === 0 ? 0 : 1)}
          </span>
        ))}
        <em>{scale.unit}</em>
      </div>
      <p>
        <i class="dot none" /> {text.room.legendStale}
      </p>
    </figure>
  );
}
