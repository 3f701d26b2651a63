// What the colours mean. Where racks are of several ASHRAE classes, the same colours stand at each class's own limits.
import type { Thing } from "../api";
import { gradientOf, placesOf, type Scale } from "../colour";
import { classOf, classesOf, judged, scales } from "../room/scale";
import { ofRoom, past, quantity, room } from "../store";
import { text } from "../text";

const number = (scale: Scale, at: number): string => at.toFixed(scale.digits === 0 || at % 1 === 0 ? 0 : 1);

export function Legend() {
  const racks = ofRoom("rack", room.value);
  const scale = scales(racks, quantity.value);
  const classes = judged(quantity.value) ? classesOf(racks) : [];
  const several = classes.length > 1;
  // One rack of each class stands for it.
  const shown: [string, Scale][] = several
    ? classes.map((name) => [name, scale(racks.find((rack) => classOf(rack) === name)!)])
    : [["", scale(racks[0] ?? ({ attributes: {} } as Thing))]];
  return (
    <figure class={several ? "legend several" : "legend"}>
      <figcaption>
        {text.quantity[quantity.value]}
        {past.value !== null && <small> {new Date(past.value.at).toLocaleTimeString()}</small>}
      </figcaption>
      <div class="ramp" style={{ background: gradientOf(shown[0]![1], several) }} />
      {shown.map(([name, each]) => (
        <div class="ticks" key={name}>
          {several && <b>{name}</b>}
          {placesOf(each, several).map((at, i) => (
            <span key={i} style={{ left: `${at * 100}%` }}>
              {number(each, each.stops[i]![0])}
            </span>
          ))}
          <em>{each.unit}</em>
        </div>
      ))}
      <p>
        <i class="dot none" /> {text.room.legendStale}
        {several && <span> · {text.room.classes}</span>}
      </p>
    </figure>
  );
}
