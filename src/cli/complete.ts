/** What can stand at the end of a command line: from commander's own tree, so it cannot be out of date. Pure. */
import type { Argument, Command, Option } from 'commander';

export interface Completion {
  /** `value`, or `value<TAB>description`. */
  readonly candidates: readonly string[];
  /** Whether a file can stand there too. */
  readonly files: boolean;
}

/** `words`: all behind the name of the program; the last one is what is being typed, and may be empty. */
export function complete(root: Command, words: readonly string[]): Completion {
  const typed = words.at(-1) ?? '';
  let command = root;
  /** Option whose argument comes next. */
  let open: Option | undefined;
  let operands = 0;
  let onlyOperands = false;
  for (const word of words.slice(0, -1)) {
    // bash splits `--output=json` into three words.
    if (open !== undefined && word === '=') continue;
    if (open !== undefined) open = undefined;
    else if (onlyOperands) operands++;
    else if (word === '--') onlyOperands = true;
    else if (word.startsWith('-')) open = optionOf(command, word);
    else {
      const next = visible(command).commands.find((each) => each.name() === word);
      if (next === undefined) operands++;
      else command = next;
    }
  }
  if (open !== undefined) return valuesOf(open, typed === '=' ? '' : typed, '');
  const [, flag, value] = /^(--[^=]+)=(.*)$/.exec(typed) ?? [];
  if (!onlyOperands && flag !== undefined && value !== undefined) {
    const option = optionOf(command, flag);
    return option === undefined ? NOTHING : valuesOf(option, value, `${flag}=`);
  }
  if (!onlyOperands && typed.startsWith('-'))
    return found(
      visible(command).options.map(({ long, short, description }) => [long ?? short ?? '', description]),
      typed,
    );
  const { commands } = visible(command);
  if (commands.length > 0)
    return found(
      commands.map((each) => [each.name(), each.summary() || each.description()]),
      typed,
    );
  const argument = command.registeredArguments.at(Math.min(operands, command.registeredArguments.length - 1));
  return argument === undefined || (operands >= command.registeredArguments.length && !argument.variadic)
    ? NOTHING
    : argumentsOf(argument, typed);
}

const NOTHING: Completion = { candidates: [], files: false };

function visible(command: Command): { commands: Command[]; options: Option[] } {
  const help = command.createHelp();
  return { commands: help.visibleCommands(command), options: help.visibleOptions(command) };
}

/** The option of a word, if its argument must be the next word. */
function optionOf(command: Command, word: string): Option | undefined {
  return command.options.find(
    ({ long, short, required, optional }) => (word === long || word === short) && (required || optional),
  );
}

function valuesOf({ flags, argChoices = [] }: Option, typed: string, before: string): Completion {
  const values = argChoices.map((choice): [string, string] => [`${before}${choice}`, '']);
  return { ...found(values, `${before}${typed}`), files: flags.includes('<file>') };
}

function argumentsOf(argument: Argument, typed: string): Completion {
  const values = (argument.argChoices ?? []).map((choice): [string, string] => [choice, '']);
  return { ...found(values, typed), files: argument.name() === 'file' };
}

function found(all: readonly (readonly [value: string, description: string])[], typed: string): Completion {
  const candidates = all
    .filter(([value]) => value.startsWith(typed))
    .map(([value, description]) => [value, description.replaceAll(/\s+/g, ' ')].filter(Boolean).join('\t'));
  return { candidates, files: false };
}
