// Deep links: what is looked at stands in the address, so that it can be shared and the browser's back button works.
import { effect } from "@preact/signals";
import { focus, moment, quantity, restsAt, room, selected, shape, site, view, type Focus, type Quantity, type Shape, type View } from "./store";

const VIEWS: readonly View[] = ["room", "dashboards", "replay", "whatif", "optimise", "maintenance", "alerts", "audit"];

export function read(): void {
  const parts = location.pathname.split("/").filter(Boolean).map(decodeURIComponent);
  const asked = new URLSearchParams(location.search);
  const first = parts[0] as View | undefined;
  if (first !== undefined && VIEWS.includes(first)) view.value = first;
  if (parts[1] !== undefined) site.value = parts[1];
  if (parts[2] !== undefined) room.value = parts[2];
  selected.value = asked.get("thing");
  const at = Number(asked.get("at"));
  if (at > 0) moment.value = at;
  quantity.value = (asked.get("colour") as Quantity | null) ?? quantity.value;
  focus.value = (asked.get("racks") as Focus | null) ?? focus.value;
  shape.value = (asked.get("shape") as Shape | null) ?? shape.value;
}

export function keep(): void {
  window.addEventListener("popstate", read);
  effect(() => {
    if (site.value === "") return;
    const asked = new URLSearchParams();
    if (selected.value !== null) asked.set("thing", selected.value);
    if (quantity.value !== "inlet") asked.set("colour", quantity.value);
    if (shape.value !== "3d") asked.set("shape", shape.value);
    if (view.value === "replay" && restsAt.value !== null) asked.set("at", String(restsAt.value));
    if (focus.value !== "all") asked.set("racks", focus.value);
    const search = asked.toString();
    const path = `/${[view.value, site.value, room.value].filter(Boolean).map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
    if (path === location.pathname + location.search) return;
    const sameView = location.pathname.split("/")[1] === view.value;
    // What a view itself keeps in the address (a what-if's changes) stays while it is looked at.
    history[sameView ? "replaceState" : "pushState"](null, "", path + (sameView ? location.hash : ""));
  });
}
