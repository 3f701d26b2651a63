// Deep links: what is looked at stands in the address, so that it can be shared and the browser's back button works.
import { effect } from "@preact/signals";
import { FOCUSES, focus, moment, QUANTITIES, quantity, restsAt, room, selected, SHAPES, shape, site, view, VIEWS } from "./store";

// What an address says, if there is such a thing; one that is spelt wrongly changes nothing.
const known = <T extends string>(said: string | null | undefined, all: readonly T[], now: T): T => all.find((each) => each === said) ?? now;

export function read(): void {
  const parts = location.pathname.split("/").filter(Boolean).map(decodeURIComponent);
  const asked = new URLSearchParams(location.search);
  view.value = known(parts[0], VIEWS, view.value);
  if (parts[1] !== undefined) site.value = parts[1];
  if (parts[2] !== undefined) room.value = parts[2];
  selected.value = asked.get("thing");
  const at = Number(asked.get("at"));
  if (at > 0) moment.value = at;
  quantity.value = known(asked.get("colour"), QUANTITIES, quantity.value);
  focus.value = known(asked.get("racks"), FOCUSES, focus.value);
  shape.value = known(asked.get("shape"), SHAPES, shape.value);
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
