// Showing a thing in its room.
import { room, selected, view } from "../store";

export function go(thing: string, inRoom: string | null | undefined): void {
  if (inRoom) room.value = inRoom;
  selected.value = thing;
  view.value = "room";
}
