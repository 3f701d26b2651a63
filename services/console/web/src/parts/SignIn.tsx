// The first page.
import { useState } from "preact/hooks";
import { api, ApiError, type Me } from "../api";
import { text } from "../text";
import { useRead } from "./hooks";

// Where to come back to. What-ifs stand after the #; one that is too long for the way is left out, rather than the sign-in.
const MOST = 1800;
const here = (): string => {
  const path = location.pathname + location.search;
  return (path + location.hash).length <= MOST ? path + location.hash : path;
};

export function SignIn({ onDone }: { onDone: (me: Me) => void }) {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  // Why the provider's page led back here without a session.
  const problem = new URLSearchParams(location.search).get("signin");
  const refused = problem === null ? null : (text.signIn.problems[problem] ?? text.errors.failed);
  const ways = useRead(() => api.ways(), []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      onDone(await api.signIn(user, password));
    } catch (problem) {
      const status = problem instanceof ApiError ? problem.status : 0;
      setError(status === 401 ? text.signIn.wrong : status === 0 ? text.signIn.unreachable : (problem as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <h1>{text.signIn.heading}</h1>
        {ways.value?.local !== false && (
          <>
            <label>
              {text.signIn.user}
              <input autocomplete="username" required value={user} onInput={(event) => setUser(event.currentTarget.value)} />
            </label>
            <label>
              {text.signIn.password}
              <input type="password" autocomplete="current-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
            </label>
            <button class="main" type="submit" disabled={busy}>
              {text.signIn.submit}
            </button>
          </>
        )}
        {ways.value?.oidc === true && (
          <p>
            <a class="button" href={`/api/v1/oidc/begin?back=${encodeURIComponent(problem === null ? here() : "/")}`}>
              {text.signIn.oidc}
            </a>
          </p>
        )}
        {(error ?? ways.error ?? refused) !== null && (
          <p class="error" role="alert">
            {error ?? ways.error ?? refused}
          </p>
        )}
      </form>
    </main>
  );
}
