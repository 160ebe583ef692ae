/** Something that is done once, a while after it was last asked for. */
export class Debounced {
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly delay: number,
    private readonly job: () => Promise<void>
  ) {}

  soon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.job(), this.delay);
  }

  cancel(): void {
    clearTimeout(this.timer);
  }
}
