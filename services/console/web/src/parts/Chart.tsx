// A line chart by uPlot: aligned columns in, one canvas out, redrawn when they change.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { limitsOf } from "../colour";
import { text } from "../text";
import { theme } from "../theme";

export interface Line {
  label: string;
  colour: string;
  points: [number, number | null][];
  dash?: boolean;
  // Fill down to the line with this index: an interval.
  fillTo?: number;
  // Not named beside the others.
  quiet?: boolean;
}

// Limits of ASHRAE classes, across a chart of inlets.
export function limitLines(classes: string[]): { at: number; colour: string }[] {
  const of = (kind: "recommended" | "allowable", colour: string) => [...new Set(classes.flatMap((name) => [...limitsOf(name)[kind]]))].map((at) => ({ at, colour }));
  return [...of("recommended", "#b8a400"), ...of("allowable", "#d55e00")];
}

interface Props {
  lines: Line[];
  unit: string;
  height?: number;
  label: string;
  // Seconds from a beginning instead of times of day.
  elapsed?: boolean;
  // A line across: a limit.
  limits?: { at: number; colour: string }[];
}

export function Chart({ lines, unit, height = 150, label, elapsed = false, limits = [] }: Props) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const host = place.current!;
    const ink = theme.value === "dark" ? "#b6c2ce" : "#3b4652";
    const grid = { stroke: theme.value === "dark" ? "#2b3641" : "#d5dce2", width: 1 };
    const options: uPlot.Options = {
      width: host.clientWidth || 320,
      height,
      legend: { live: true },
      cursor: { y: false },
      scales: { x: { time: !elapsed } },
      hooks: { draw: [(chart) => limits.forEach((limit) => across(chart, limit))] },
      axes: [
        { stroke: ink, grid, size: 32, ...(elapsed ? { incrs: [60, 120, 300, 600, 900, 1200, 1800, 3600], values: (_chart: uPlot, ticks: number[]) => ticks.map((each) => `${Math.round(each / 60)} min`) } : {}) },
        { stroke: ink, grid, size: 52, values: (_chart, ticks) => ticks.map((each) => `${each}${unit === "°C" ? "°" : ""}`) },
      ],
      series: [
        elapsed ? { label: text.whatif.after, value: (_chart: uPlot, value: number | null) => (value === null ? "–" : `${(value / 60).toFixed(1)} min`) } : {},
        ...lines.map((line) => ({
          label: `${line.label} (${unit})`,
          stroke: line.colour,
          width: 1.5,
          spanGaps: false,
          points: { show: false },
          ...(line.quiet ? { class: "quiet" } : {}),
          value: (_chart: uPlot, value: number | null) => (value === null ? "–" : value.toFixed(1)),
          ...(line.dash ? { dash: [6, 4] } : {}),
        })),
      ],
      bands: lines.flatMap((line, index) => (line.fillTo === undefined ? [] : [{ series: [index + 1, line.fillTo + 1] as [number, number], fill: `${line.colour}33` }])),
    };
    const chart = new uPlot(options, columns(lines, elapsed ? 1 : 1000), host);
    const watch = new ResizeObserver(() => chart.setSize({ width: host.clientWidth, height }));
    watch.observe(host);
    return () => {
      watch.disconnect();
      chart.destroy();
    };
  }, [lines, theme.value, height, unit, limits.map((each) => each.at).join()]);
  return <div class="chart" ref={place} role="img" aria-label={label} />;
}

function across(chart: uPlot, limit: { at: number; colour: string }): void {
  const { ctx, bbox } = chart;
  const y = Math.round(chart.valToPos(limit.at, "y", true));
  if (y < bbox.top || y > bbox.top + bbox.height) return;
  ctx.save();
  ctx.strokeStyle = limit.colour;
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

function columns(lines: Line[], perSecond: number): uPlot.AlignedData {
  const tables = lines.map((line) => [line.points.map(([at]) => at / perSecond), line.points.map(([, value]) => value)] as uPlot.AlignedData);
  return tables.length === 0 ? [[]] : uPlot.join(tables);
}
