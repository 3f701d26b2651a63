// Says that somebody looks after an alert.
import { useState } from "preact/hooks";
import { api, ApiError } from "../api";
import { me, site } from "../store";
import { text } from "../text";

export function Acknowledge({ thing, rule, onDone }: { thing: string; rule: string; onDone?: () => void }) {
  const [state, setState] = useState<"open" | "asked" | string>("open");
  const allowed = me.value !== null && me.value.role !== "viewer";
  const acknowledge = async (): Promise<void> => {
    setState("asked");
    try {
      await api.acknowledge(site.value, thing, rule);
      onDone?.();
    } catch (problem) {
      setState(problem instanceof ApiError ? problem.message : text.errors.failed);
    }
  };
  return (
    <>
      <button class="ack" disabled={!allowed || state === "asked"} title={allowed ? "" : text.command.viewer} onClick={() => void acknowledge()}>
        {text.alerts.acknowledge}
      </button>
      {state !== "open" && state !== "asked" && (
        <span class="error" role="alert">
          {state}
        </span>
      )}
    </>
  );
}
