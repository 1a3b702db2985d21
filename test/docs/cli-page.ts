/** docs/cli.md, made of commander's own tree: what `--help` says, as a page. */
import type { Command, Option } from 'commander';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').trim();

/** Words in the text of a page are no placeholders of HTML. */
const prose = (text: string): string => text.replaceAll('<', '\\<');

function optionRow({
  flags,
  description,
  defaultValue,
  defaultValueDescription,
  envVar,
  argChoices,
  mandatory,
}: Option) {
  const shown: unknown = defaultValueDescription ?? (typeof defaultValue === 'boolean' ? undefined : defaultValue);
  const more = [
    ...(mandatory ? ['**required**'] : []),
    ...(argChoices === undefined ? [] : [argChoices.map((choice) => `\`${choice}\``).join(', ')]),
    ...(shown === undefined ? [] : [`default: ${typeof shown === 'string' ? shown : JSON.stringify(shown)}`]),
    ...(envVar === undefined ? [] : [`or \`$${envVar}\``]),
  ];
  return `| \`${cell(flags)}\` | ${cell([prose(description), ...more].join('; '))} |`;
}

function section(command: Command): string {
  const help = command.createHelp();
  const args = help.visibleArguments(command).map((argument) => {
    const choices =
      argument.argChoices === undefined ? '' : `; ${argument.argChoices.map((c) => `\`${c}\``).join(', ')}`;
    return `- \`${argument.name()}\`: ${prose(argument.description)}${choices}`;
  });
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  return [
    `### ${command.name()}`,
    '',
    '```',
    help.commandUsage(command),
    '```',
    '',
    // Lines that are indented in the help are listings.
    ...command
      .description()
      .split('\n')
      .map((line) => (/^ {2}\S/.test(line) ? `- ${prose(line.trim())}` : prose(line.trim()))),
    '',
    ...(args.length > 0 ? [...args, ''] : []),
    ...(options.length > 0 ? ['| option | |', '|---|---|', ...options.map(optionRow), ''] : []),
  ].join('\n');
}

/** `intro`: the hand-written part. */
export function page(intro: string, root: Command): string {
  const commands = root
    .createHelp()
    .visibleCommands(root)
    .filter((command) => command.name() !== 'help');
  return [
    intro.trimEnd(),
    '',
    '## Reference',
    '',
    'Made from the program itself; a test holds it up to date (`npm test -- test/docs/cli.test.ts -u` writes it anew).',
    '',
    ...commands.map(section),
  ].join('\n');
}
