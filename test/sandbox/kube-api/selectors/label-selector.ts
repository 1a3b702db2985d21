/** The whole grammar of label selectors: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, `a>1`, `a<1`. */
import { badRequest } from '../status.ts';
import { labelValue, qualifiedName } from '../validation/names.ts';

export type Labels = { readonly [key: string]: string } | undefined;
export type LabelSelector = (labels: Labels) => boolean;

const everything: LabelSelector = () => true;

export function parseLabelSelector(text: string): LabelSelector {
  if (text.trim() === '') return everything;
  const parser = new Parser(text);
  const requirements = parser.parse();
  return (labels) => requirements.every((matches) => matches(labels));
}

const SYMBOLS = ['==', '!=', '=', ',', '(', ')', '!', '>', '<'] as const;
const END = '';

/** Splits into symbols and words; a word ends at white space or a symbol. */
function tokenize(text: string): string[] {
  const tokens: string[] = [];
  let position = 0;
  while (position < text.length) {
    if (/\s/.test(text[position] ?? '')) {
      position++;
      continue;
    }
    const symbol = SYMBOLS.find((candidate) => text.startsWith(candidate, position));
    const token = symbol ?? /^[^\s=!,()<>]+/.exec(text.slice(position))?.[0] ?? text.slice(position, position + 1);
    tokens.push(token);
    position += token.length;
  }
  return tokens;
}

class Parser {
  readonly #tokens: string[];
  #next = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  parse(): LabelSelector[] {
    const requirements: LabelSelector[] = [];
    for (;;) {
      requirements.push(this.#requirement());
      const token = this.#take();
      if (token === END) return requirements;
      if (token !== ',') throw badRequest(`found '${token}', expected: ',' or 'end of string'`);
      if (this.#peek() === END || this.#peek() === ',') {
        if (this.#peek() === ',') throw badRequest(`found ',', expected: identifier after ','`);
        return requirements;
      }
    }
  }

  #peek(): string {
    return this.#tokens[this.#next] ?? END;
  }

  #take(): string {
    const token = this.#peek();
    this.#next++;
    return token;
  }

  #requirement(): LabelSelector {
    const negated = this.#peek() === '!';
    if (negated) this.#next++;
    const key = this.#take();
    if (isSymbol(key) || key === END) throw failed(`found '${key}', expected: !, identifier, or 'end of string'`);
    const why = qualifiedName(key)[0];
    if (why !== undefined) throw failed(`<nil>: Invalid value: ${JSON.stringify(key)}: ${why}`);
    if (negated) return (labels) => labels?.[key] === undefined;

    const operator = this.#peek();
    if (operator === END || operator === ',') return (labels) => labels?.[key] !== undefined;
    this.#next++;
    switch (operator) {
      case '=':
      case '==': {
        const value = this.#value();
        return (labels) => labels?.[key] === value;
      }
      case '!=': {
        const value = this.#value();
        return (labels) => labels?.[key] !== value;
      }
      case 'in': {
        const values = this.#values();
        return (labels) => labels?.[key] !== undefined && values.includes(labels[key]);
      }
      case 'notin': {
        const values = this.#values();
        return (labels) => labels?.[key] === undefined || !values.includes(labels[key]);
      }
      case '>':
      case '<': {
        const value = this.#value();
        if (!/^-?\d+$/.test(value))
          throw failed(
            `values[0]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
          );
        const limit = Number(value);
        return (labels) => {
          const found = labels?.[key];
          if (found === undefined || !/^-?\d+$/.test(found)) return false;
          return operator === '>' ? Number(found) > limit : Number(found) < limit;
        };
      }
      default:
        throw failed(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
    }
  }

  /** The value of an operator; nothing at all is the empty value. */
  #value(): string {
    const token = this.#peek();
    if (token === END || token === ',') return '';
    this.#next++;
    if (isSymbol(token)) throw failed(`found '${token}', expected: identifier`);
    return checked(token);
  }

  #values(): string[] {
    const open = this.#take();
    if (open !== '(') throw failed(`found '${open}' expected: '('`);
    const values: string[] = [];
    if (this.#peek() === ')') {
      this.#next++;
      return [''];
    }
    for (;;) {
      const token = this.#peek();
      if (token === ',' || token === ')') values.push('');
      else if (isSymbol(token) || token === END) throw failed(`found '${token}', expected: ',', ')' or identifier`);
      else {
        values.push(checked(token));
        this.#next++;
      }
      const separator = this.#take();
      if (separator === ')') return values;
      if (separator !== ',') throw failed(`found '${separator}', expected: ',' or ')'`);
    }
  }
}

function isSymbol(token: string): boolean {
  return (SYMBOLS as readonly string[]).includes(token);
}

function checked(value: string): string {
  const why = labelValue(value)[0];
  if (why !== undefined) throw failed(`values[0]: Invalid value: ${JSON.stringify(value)}: ${why}`);
  return value;
}

function failed(why: string): Error {
  return badRequest(`unable to parse requirement: ${why}`);
}
