// How many pixels to draw while the view moves: as many as the machine draws smoothly, and never less than half of them in each
// direction, or names and racks could no longer be told apart. When the view rests, all of them are drawn.
const SCALES = [1, 0.75, 0.5];
// A frame that takes longer than this (ms), on average, is felt; at much more small steps would only prolong it.
const SLOW_MS = 19;
const MUCH_TOO_SLOW_MS = 30;
// So many frames are judged together, all but the slowest: new values from the twins take one now and then, whatever its pixels.
const FRAMES = 8;
// Smooth frames before more pixels are tried; twice as many each time that they were too many.
const PATIENCE = 90;
const MOST_PATIENCE = 3000;

export class Pace {
  private took: number[] = [];
  private moves = false;
  private smooth = 0;
  private patience = PATIENCE;
  private tried = false;

  // `index`: where to begin. What was found holds for the next movement too, which so begins smoothly.
  constructor(private index: 0 | 1 | 2) {}

  // Share of the pixels to draw, in each direction. `took`: ms since the frame before; null when the view rests.
  next(took: number | null): number {
    if (took !== null && this.moves) this.took.push(took);
    this.moves = took !== null;
    if (took === null) {
      this.took = [];
      this.smooth = 0;
      return 1;
    }
    if (this.took.length >= FRAMES) this.judge();
    return SCALES[this.index]!;
  }

  private judge(): void {
    const average = (this.took.reduce((sum, each) => sum + each, 0) - Math.max(...this.took)) / (FRAMES - 1);
    this.took = [];
    if (average > SLOW_MS) {
      if (this.tried) this.patience = Math.min(MOST_PATIENCE, this.patience * 2);
      this.tried = false;
      this.smooth = 0;
      this.index = average > MUCH_TOO_SLOW_MS || this.index > 0 ? 2 : 1;
      return;
    }
    this.smooth += FRAMES;
    if (this.smooth < this.patience || this.index === 0) return;
    this.smooth = 0;
    this.tried = true;
    this.index = this.index === 2 ? 1 : 0;
  }
}
