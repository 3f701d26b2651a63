// Reading from the API in a component: state, error, again when what it depends on changes.
import { useEffect, useState } from "preact/hooks";

export interface Read<T> {
  value: T | null;
  error: string | null;
  loading: boolean;
}

export function useRead<T>(read: () => Promise<T>, depends: unknown[], everyMs?: number): Read<T> {
  const [state, setState] = useState<Read<T>>({ value: null, error: null, loading: true });
  useEffect(() => {
    let over = false;
    const run = (): void => {
      read().then(
        (value) => over || setState({ value, error: null, loading: false }),
        (error: unknown) => over || setState((before) => ({ ...before, error: error instanceof Error ? error.message : String(error), loading: false })),
      );
    };
    setState((before) => ({ ...before, loading: true }));
    run();
    const timer = everyMs === undefined ? undefined : setInterval(run, everyMs);
    return () => {
      over = true;
      clearInterval(timer);
    };
  }, depends);
  return state;
}
