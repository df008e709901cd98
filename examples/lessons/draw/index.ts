/** @file The drawing module's face: a page of panels, panels with axes or as heat maps, marks, colours. */
export { type AxesOptions, axes, type Panel } from "./axes.ts";
export { type HeatOptions, heat } from "./heat.ts";
export { labels } from "./labels.ts";
export { bars, dots, field, line, type Mark, type Point, words } from "./marks.ts";
export { page } from "./page.ts";
export { AMOUNT, COLOURS, colourOf, FAINT_SIDES, type Ramp, rampOf, SIDES } from "./palette.ts";
export { type Drawn, element, FAINT, INK, text, widthOf } from "./svg.ts";
