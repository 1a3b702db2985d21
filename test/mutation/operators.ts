/** The small mistakes that tests should notice: every place of a file where one can be made, and what would stand there. */
import ts from 'typescript';

export interface Mutant {
  readonly operator: string;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

const K = ts.SyntaxKind;
type Edit = readonly [operator: string, node: ts.Node, replacement: string];

/** The mutants of a file, in the order of its text. Types, imports and sentences for people have none. */
export function mutantsOf(file: string, text: string): Mutant[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found = new Map<string, Mutant>();
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
    for (const [operator, at, replacement] of [...operatorsOf(node), ...valuesOf(node), ...statementsOf(node)]) {
      const [start, end] = [at.getStart(source), at.getEnd()];
      found.set(`${start} ${end} ${replacement}`, { operator, start, end, replacement });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return [...found.values()].sort((a, b) => a.start - b.start || a.end - b.end);
}

const SWAPS = new Map<ts.SyntaxKind, readonly string[]>([
  [K.EqualsEqualsEqualsToken, ['!==']],
  [K.ExclamationEqualsEqualsToken, ['===']],
  [K.LessThanToken, ['<=', '>=']],
  [K.LessThanEqualsToken, ['<', '>']],
  [K.GreaterThanToken, ['>=', '<=']],
  [K.GreaterThanEqualsToken, ['>', '<']],
  [K.AmpersandAmpersandToken, ['||']],
  [K.BarBarToken, ['&&']],
  [K.PlusToken, ['-']],
  [K.MinusToken, ['+']],
  [K.AsteriskToken, ['/']],
  [K.SlashToken, ['*']],
  [K.PercentToken, ['*']],
  [K.AsteriskAsteriskToken, ['*']],
  [K.PlusEqualsToken, ['-=']],
  [K.MinusEqualsToken, ['+=']],
  [K.QuestionQuestionEqualsToken, ['=']],
]);

/** By the name of the method; empty: the call goes, and what it was called on stays. */
const METHODS = new Map([
  ...['filter', 'sort', 'reverse', 'slice', 'trim', 'trimStart', 'toLowerCase', 'toUpperCase'].map(
    (name) => [name, ''] as const,
  ),
  ...[
    ['some', 'every'],
    ['startsWith', 'endsWith'],
    ['indexOf', 'lastIndexOf'],
    ['min', 'max'],
    ['find', 'findLast'],
    ['push', 'unshift'],
  ].flatMap(([a = '', b = '']) => [[a, b] as const, [b, a] as const]),
]);

function operatorsOf(node: ts.Node): Edit[] {
  const edits: Edit[] = conditionsOf(node).map((atom) => ['negated', atom, `!(${atom.getText()})`]);
  if (ts.isBinaryExpression(node)) {
    const { left, right, operatorToken: token } = node;
    for (const swap of SWAPS.get(token.kind) ?? [])
      if (token.kind !== K.PlusToken || !isText(left, right))
        edits.push([`${token.getText()} to ${swap}`, token, swap]);
    if (token.kind === K.QuestionQuestionToken)
      edits.push(['?? removed', node, left.getText()], ['?? always', node, `(${right.getText()})`]);
  }
  if (ts.isPrefixUnaryExpression(node)) {
    if (node.operator === K.ExclamationToken || node.operator === K.MinusToken)
      edits.push([`${ts.tokenToString(node.operator)} removed`, node, node.operand.getText()]);
  }
  if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) {
    const swapped = node.operator === K.PlusPlusToken ? '--' : node.operator === K.MinusMinusToken ? '++' : undefined;
    const operand = node.operand.getText();
    if (swapped !== undefined)
      edits.push(['++ and --', node, ts.isPrefixUnaryExpression(node) ? swapped + operand : operand + swapped]);
  }
  if ((ts.isPropertyAccessExpression(node) || ts.isCallChain(node)) && node.questionDotToken !== undefined)
    edits.push(['?. removed', node.questionDotToken, ts.isCallChain(node) ? '' : '.']);
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const { name, expression } = node.expression;
    const swap = METHODS.get(name.text);
    if (swap === '') edits.push([`${name.text}() removed`, node, expression.getText()]);
    else if (swap !== undefined) edits.push([`${name.text}() to ${swap}()`, name, swap]);
  }
  return edits;
}

function valuesOf(node: ts.Node): Edit[] {
  if (node.kind === K.TrueKeyword || node.kind === K.FalseKeyword)
    return [['boolean', node, node.kind === K.TrueKeyword ? 'false' : 'true']];
  if (ts.isNumericLiteral(node)) {
    const n = Number(node.text);
    return (n === 0 ? [1] : [n - 1, n + 1]).map((other) => ['number', node, String(other)]);
  }
  if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) return textsOf(node);
  if (ts.isRegularExpressionLiteral(node)) return expressionsOf(node);
  if (ts.isArrayLiteralExpression(node) || ts.isObjectLiteralExpression(node)) {
    const parts: readonly ts.Node[] = ts.isArrayLiteralExpression(node) ? node.elements : node.properties;
    const [open, close] = ts.isArrayLiteralExpression(node) ? '[]' : '{}';
    const without = (gone: ts.Node): string => parts.flatMap((p) => (p === gone ? [] : [p.getText()])).join(', ');
    const spreads = parts.filter((part) => ts.isSpreadElement(part) || ts.isSpreadAssignment(part));
    return spreads.map((spread) => ['spread removed', node, `${open}${without(spread)}${close}`]);
  }
  return [];
}

function statementsOf(node: ts.Node): Edit[] {
  if (ts.isExpressionStatement(node) || ts.isThrowStatement(node)) return [['statement removed', node, ';']];
  if (ts.isIfStatement(node) && node.elseStatement === undefined) return [['if removed', node, ';']];
  const value = ts.isReturnStatement(node) ? node.expression : ts.isArrowFunction(node) ? node.body : undefined;
  if (value === undefined || ts.isBlock(value) || value.kind === K.TrueKeyword || value.kind === K.FalseKeyword)
    return [];
  return value.getText() === 'undefined' ? [] : [['returns undefined', value, 'undefined']];
}

/** What decides in a condition, without the comparisons: those have swaps of their own. */
function conditionsOf(node: ts.Node): ts.Expression[] {
  if (ts.isIfStatement(node) || ts.isWhileStatement(node) || ts.isDoStatement(node)) return atomsOf(node.expression);
  if (ts.isConditionalExpression(node) || ts.isForStatement(node)) return node.condition ? atomsOf(node.condition) : [];
  return ts.isBinaryExpression(node) && isLogical(node) ? atomsOf(node.left) : [];
}

function atomsOf(node: ts.Expression): ts.Expression[] {
  if (ts.isParenthesizedExpression(node)) return atomsOf(node.expression);
  if (ts.isBinaryExpression(node))
    return isLogical(node)
      ? [...atomsOf(node.left), ...atomsOf(node.right)]
      : SWAPS.has(node.operatorToken.kind)
        ? []
        : [node];
  return ts.isPrefixUnaryExpression(node) || node.kind === K.TrueKeyword || node.kind === K.FalseKeyword ? [] : [node];
}

const isLogical = ({ operatorToken: { kind } }: ts.BinaryExpression): boolean =>
  kind === K.AmpersandAmpersandToken || kind === K.BarBarToken;

const isText = (...nodes: ts.Node[]): boolean =>
  nodes.some((node) => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node));

/** What has no space in it is a value that something depends on; the rest is a sentence, or a part of one. */
function textsOf(node: ts.StringLiteralLike | ts.TemplateExpression): Edit[] {
  const words = ts.isTemplateExpression(node)
    ? [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)]
    : [node.text];
  if (words.some((word) => word.includes(' '))) return [];
  if (ts.isPropertyAssignment(node.parent) && node.parent.name === node) return [];
  const isDefault = ts.isBinaryExpression(node.parent) && node.parent.operatorToken.kind === K.QuestionQuestionToken;
  if (node.getText() === "''") return isDefault ? [] : [['text', node, "'mutated'"]];
  return [['text', node, "''"]];
}

/** An anchor less, a class turned round, one where there may be none. */
function expressionsOf(node: ts.RegularExpressionLiteral): Edit[] {
  const text = node.text;
  const end = text.lastIndexOf('/');
  const edits: Edit[] = [];
  if (text.startsWith('/^')) edits.push(['^ removed', node, `/${text.slice(2)}`]);
  if (/[^\\]\$\/\w*$/.test(text)) edits.push(['$ removed', node, text.slice(0, end - 1) + text.slice(end)]);
  for (const { 0: part, index } of text.matchAll(/\\.[*+]?|\[(?:\\.|[^\]\\])+\][*+]?|[)\w.}][*+]/g)) {
    const next = index + part.length;
    if (part.startsWith('[')) {
      const inverted = part.startsWith('[^') ? part.slice(2) : `^${part.slice(1)}`;
      edits.push(['class inverted', node, `${text.slice(0, index)}[${inverted}${text.slice(next)}`]);
    }
    const [quantifier, other] = part.endsWith('*') ? ['*', '+'] : ['+', '*'];
    if (part.endsWith(quantifier) && part !== `\\${quantifier}`)
      edits.push([`${quantifier} to ${other}`, node, text.slice(0, next - 1) + other + text.slice(next)]);
  }
  return edits.filter(([, , replacement]) => replacement !== '//');
}
