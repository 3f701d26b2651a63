// A table that is scrolled where the page is too narrow for it, also from the keyboard.
import type { ComponentChildren } from "preact";
import { text } from "../text";

interface WideTableProps {
  heads: readonly string[];
  /** Its rows. */
  children: ComponentChildren;
}

export function WideTable({ heads, children }: WideTableProps) {
  return (
    <div class="wide-table" tabIndex={0} role="region" aria-label={text.table}>
      <table>
        <thead>
          <tr>
            {heads.map((each) => (
              <th scope="col" key={each}>
                {each}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
