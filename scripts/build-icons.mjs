// Writes views/assets/console-icons.svg, the console's sprite: node scripts/build-icons.mjs <folder of @tabler/icons>
// An icon is <symbol id="i-name">, a filled one <symbol id="i-f-name">; the strokes are 1.75 wide.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const outline = `
  activity alert-circle alert-triangle arrow-down arrow-down-left arrow-down-right arrow-left arrow-right arrow-up
  arrow-up-left arrow-up-right ban bell building-store cash check chevron-down chevron-left chevron-right chevron-up
  circle-dashed circle-dotted circle-minus circle-x clock copy database device-desktop device-mobile download
  external-link eye eye-off file-text filter hash help-circle history home hourglass-empty inbox info-circle key
  keyboard list-details lock login logout mail menu-2 minus moon pencil player-pause player-play plug plus qrcode
  refresh repeat rotate scale search send server shield-check sun trash upload user users users-plus webhook x`;
const filled = 'alert-triangle circle-check circle-x flag';

const strokes = 'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"';

const folder = process.argv[2];
if (folder === undefined) throw new Error('which folder? e.g. node scripts/build-icons.mjs node_modules/@tabler/icons');

const { name, version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
const copyright = /^Copyright.*$/m.exec(readFileSync(path.join(folder, 'LICENSE'), 'utf8'))?.[0];

function symbol(style, icon) {
  const shapes = readFileSync(path.join(folder, 'icons', style, `${icon}.svg`), 'utf8')
    .replace(/^<svg[^>]*>|<\/svg>\s*$/g, '')
    .replace(/<path stroke="none" d="M0 0h24v24H0z"[^>]*>/, '')
    .replace(/\s*\n\s*/g, '')
    .replaceAll(' />', '/>');
  const [id, paint] = style === 'filled' ? [`i-f-${icon}`, 'fill="currentColor"'] : [`i-${icon}`, strokes];
  return `<symbol id="${id}" viewBox="0 0 24 24" ${paint}>${shapes}</symbol>`;
}

const names = (list) => list.trim().split(/\s+/);
const symbols = [
  ...names(outline).map((icon) => symbol('outline', icon)),
  ...names(filled).map((icon) => symbol('filled', icon)),
];
const target = path.join(import.meta.dirname, '../views/assets/console-icons.svg');
const licence = `<!-- ${name} ${version}, MIT licence. ${copyright}. Made by scripts/build-icons.mjs -->`;
const lines = ['<svg xmlns="http://www.w3.org/2000/svg">', '<title>Lango icons</title>', licence, ...symbols, '</svg>'];
writeFileSync(target, `${lines.join('\n')}\n`);
console.log(`${symbols.length} icons of ${name} ${version}`);
