// Dark or light; remembered, and at first as the machine has it.
import { effect, signal } from "@preact/signals";

export type Theme = "dark" | "light";
const kept = localStorage.getItem("racktwin-theme");
const usual: Theme = matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
export const theme = signal<Theme>(kept === "dark" || kept === "light" ? kept : usual);
effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
  localStorage.setItem("racktwin-theme", theme.value);
});
