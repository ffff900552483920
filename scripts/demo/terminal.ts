// How the demo looks: lines, a table, and colour where the terminal has it. It knows nothing of payments.

export type Tone = 'plain' | 'dim' | 'bold' | 'good' | 'warn' | 'bad';

export interface Screen {
  line(text?: string): void;
  paint(tone: Tone, text: string): string;
}

const codes: Readonly<Record<Tone, string>> = { plain: '', dim: '2', bold: '1', good: '32', warn: '33', bad: '31' };

export function createScreen(write: (text: string) => void, hasColour: boolean): Screen {
  return {
    line: (text = '') => write(`${text}\n`),
    paint: (tone, text) => (hasColour && tone !== 'plain' ? `\u001b[${codes[tone]}m${text}\u001b[0m` : text),
  };
}

/** Whether this stream wants colour: a terminal that can, and nobody who said NO_COLOR. */
export function wantsColour(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}

export interface Cell {
  text: string;
  tone?: Tone;
}

/** Rows as lines, each column as wide as its widest cell; the tone does not count for the width. */
export function tableLines(screen: Screen, rows: readonly (readonly Cell[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, { text }] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, text.length);
  }
  return rows.map((row) =>
    row
      .map(({ text, tone = 'plain' }, column) => {
        const isLast = column === row.length - 1;
        return screen.paint(tone, isLast ? text : text.padEnd(widths[column] ?? 0));
      })
      .join('  '),
  );
}
