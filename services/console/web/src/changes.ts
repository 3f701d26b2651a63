// The changes of a what-if: made of what is chosen on the page, and read from an address that somebody shared.
import type { Change } from "./api";

export type Kind = "unitFails" | "unitLoses" | "setpoint" | "fan" | "load" | "feed" | "pduFails" | "containment";
export const KINDS: Kind[] = ["unitFails", "unitLoses", "setpoint", "fan", "load", "feed", "pduFails", "containment"];
export const USUAL: Record<Kind, number> = { unitFails: 0, unitLoses: 50, setpoint: 22, fan: 60, load: 5000, feed: 0, pduFails: 0, containment: 50 };
export const UNIT: Record<Kind, string> = { unitFails: "", unitLoses: "%", setpoint: "°C", fan: "%", load: "W", feed: "", pduFails: "", containment: "%" };
export const hasValue = (kind: Kind): boolean => UNIT[kind] !== "";
export const onUnit = (kind: Kind): boolean => kind === "unitFails" || kind === "unitLoses" || kind === "setpoint" || kind === "fan";

export type Feed = "A" | "B";
export interface Chosen {
  kind: Kind;
  name: string;
  value: number;
  feed: Feed;
  // Minutes after the beginning.
  after: number;
}

function what({ kind, name, value, feed }: Chosen): Change {
  switch (kind) {
    case "unitFails":
      return { coolingUnit: { name, fails: true } };
    case "unitLoses":
      return { coolingUnit: { name, capacityPercent: 100 - value } };
    case "setpoint":
      return { coolingUnit: { name, setpointC: value } };
    case "fan":
      return { coolingUnit: { name, fanPercent: value } };
    case "load":
      return { load: { racks: [name], addW: value } };
    case "feed":
      return { feed: { rack: name, feed } };
    case "pduFails":
      return { feed: { pdu: name } };
    case "containment":
      return { containment: { openPercent: value } };
  }
}

export const changeOf = (chosen: Chosen): Change => ({ ...(chosen.after > 0 ? { atS: chosen.after * 60 } : {}), ...what(chosen) });

const plain = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
const isChange = (value: unknown): value is Change =>
  plain(value) && Object.entries(value as object).every(([key, each]) => (key === "atS" ? typeof each === "number" : plain(each))) && Object.keys(value as object).some((key) => key !== "atS");

export interface Asked {
  changes: Change[];
  duration: number;
  each: boolean;
  open: string | null;
}

// What the address' fragment asks; what it spells wrongly is as if it were not there.
export function fromAddress(fragment: string): Asked {
  const asked = new URLSearchParams(fragment.replace(/^#/, ""));
  let changes: unknown = [];
  try {
    changes = JSON.parse(asked.get("changes") ?? "[]");
  } catch {
    // Not JSON: nothing was asked.
  }
  const duration = Number(asked.get("for") ?? 3600);
  return {
    changes: Array.isArray(changes) && changes.every(isChange) ? changes : [],
    duration: Number.isFinite(duration) && duration > 0 ? duration : 3600,
    each: asked.get("each") === "1",
    open: asked.get("show"),
  };
}
