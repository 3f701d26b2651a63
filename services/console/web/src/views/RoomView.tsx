// The room as 3D, plan or list, with what is selected beside it.
import { lazy, Suspense } from "preact/compat";
import { Detail } from "../parts/Detail";
import { Legend } from "../parts/Legend";
import { List, Plan } from "../room/Plan";
import { flows, names, quantity, shape, type Quantity, type Shape } from "../store";
import { text } from "../text";

// three.js is most of the page's code: what needs no 3D does not wait for it.
const Room3D = lazy(() => import("../room/Room3D").then((module) => ({ default: module.Room3D })));
const QUANTITIES = ["inlet", "predicted", "humidity", "power", "deltaT", "score"] as const satisfies readonly Quantity[];

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
      <div class="choice" role="group">
        {shapes.map(([name, label]) => (
          <button key={name} aria-pressed={shape.value === name} onClick={() => (shape.value = name)}>
            {label}
          </button>
        ))}
      </div>
      <label>
        {text.quantity.label}{" "}
        <select value={quantity.value} onChange={(event) => (quantity.value = event.currentTarget.value as Quantity)}>
          {QUANTITIES.map((each) => (
            <option key={each} value={each}>
              {text.quantity[each]}
            </option>
          ))}
        </select>
      </label>
      {shape.value === "3d" && (
        <>
          <label class="check">
            <input type="checkbox" checked={flows.value} onChange={(event) => (flows.value = event.currentTarget.checked)} /> {text.room.flows}
          </label>
          <label class="check">
            <input type="checkbox" checked={names.value} onChange={(event) => (names.value = event.currentTarget.checked)} /> {text.room.labels}
          </label>
          <button onClick={() => window.dispatchEvent(new Event("racktwin-home"))}>{text.room.reset}</button>
        </>
      )}
    </div>
  );
}
