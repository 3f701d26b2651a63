// The room as 3D, plan or list, with what is selected beside it.
import { lazy, Suspense } from "preact/compat";
import { Detail } from "../parts/Detail";
import { Legend } from "../parts/Legend";
import { List, Plan } from "../room/Plan";
import { FOCUSES, focus, layers, QUANTITIES, quantity, shape, type Focus, type Quantity, type Shape } from "../store";
import { text } from "../text";

// three.js is most of the page's code: what needs no 3D does not wait for it.
const Room3D = lazy(() => import("../room/Room3D").then((module) => ({ default: module.Room3D })));
const LAYERS = ["flows", "names", "aisles", "units", "alerts"] as const;

export function RoomView() {
  return (
    <div class="split">
      <div class="room">
        <RoomTools />
        <RoomStage />
        <Legend />
      </div>
      <aside class="side" tabIndex={0} aria-label={text.room.aside}>
        <Detail />
      </aside>
    </div>
  );
}

export function RoomStage() {
  if (shape.value === "plan") return <Plan />;
  if (shape.value === "list") return <List />;
  return (
    <Suspense fallback={<div class="stage" aria-busy="true" />}>
      <Room3D />
    </Suspense>
  );
}

export function RoomTools() {
  const shapes: [Shape, string][] = [
    ["3d", text.room.threeD],
    ["plan", text.room.plan],
    ["list", text.room.list],
  ];
  return (
    <div class="tools">
      <div class="choice" role="group" aria-label={text.room.shape}>
        {shapes.map(([name, label]) => (
          <button key={name} aria-pressed={shape.value === name} onClick={() => (shape.value = name)}>
            {label}
          </button>
        ))}
      </div>
      <label>
        <span class="wide-only">{text.quantity.label}</span>
        <select aria-label={text.quantity.label} value={quantity.value} onChange={(event) => (quantity.value = event.currentTarget.value as Quantity)}>
          {QUANTITIES.map((each) => (
            <option key={each} value={each}>
              {text.quantity[each]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="wide-only">{text.room.focus}</span>
        <select aria-label={text.room.focus} value={focus.value} onChange={(event) => (focus.value = event.currentTarget.value as Focus)}>
          {FOCUSES.map((each) => (
            <option key={each} value={each}>
              {text.room.focuses[each]}
            </option>
          ))}
        </select>
      </label>
      {shape.value === "3d" && (
        <>
          <details class="menu">
            <summary>{text.room.show}</summary>
            <div>
              {LAYERS.map((name) => (
                <label class="check" key={name}>
                  <input
                    type="checkbox"
                    checked={layers.value[name]}
                    onChange={(event) => (layers.value = { ...layers.value, [name]: event.currentTarget.checked })}
                  />{" "}
                  {text.room.layers[name]}
                </label>
              ))}
            </div>
          </details>
          <button onClick={() => window.dispatchEvent(new Event("racktwin-home"))}>{text.room.reset}</button>
        </>
      )}
    </div>
  );
}
