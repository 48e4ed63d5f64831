import { relative } from "node:path"
import { fileURLToPath } from "node:url"
import type { Expression, Node } from "typescript/unstable/ast"
import {
  isCallExpression,
  isIdentifier,
  isNoSubstitutionTemplateLiteral,
  isObjectLiteralExpression,
  isPropertyAssignment,
  isStringLiteral,
  isTaggedTemplateExpression,
  isTemplateExpression
} from "typescript/unstable/ast/is"
import { API, type Checker } from "typescript/unstable/sync"

export interface ListedSentence {
  /** The file that says it, from the root of the repository. */
  readonly file: string
  /** The words, with `<>` wherever something is filled in. */
  readonly words: string
  /** With what it is told, where the source says so around it: a level of the log, or a verdict of the doctor. */
  readonly level: string | undefined
}

const root = fileURLToPath(new URL("../..", import.meta.url))
const TAG = "sentence"

/** A constant is words as well. */
const filledIn = (expression: Expression, checker: Checker): string => {
  const type = checker.getTypeAtLocation(expression)
  return type !== undefined && (type.isStringLiteralType() || type.isNumberLiteralType()) ? String(type.value) : "<>"
}

const wordsOf = (template: Node, checker: Checker): string => {
  if (isNoSubstitutionTemplateLiteral(template)) return template.text
  if (!isTemplateExpression(template)) throw new Error("a template is one of the two")
  return [
    template.head.text,
    ...template.templateSpans.flatMap(({ expression, literal }) => [filledIn(expression, checker), literal.text])
  ].join("")
}

const tellers: Readonly<Record<string, string>> = {
  logWarning: "WARN",
  logError: "ERROR",
  warn: "warn",
  fail: "fail"
}

/** Of `logWarning(…)` and the like, and of `{ level: "WARN", … }`; what encloses them says nothing of the sentence any more. */
const levelSaidBy = (node: Node): string | undefined => {
  if (isCallExpression(node) && isIdentifier(node.expression)) return tellers[node.expression.text]
  if (!isObjectLiteralExpression(node)) return undefined
  for (const property of node.properties)
    if (
      isPropertyAssignment(property) &&
      isIdentifier(property.name) &&
      property.name.text === "level" &&
      isStringLiteral(property.initializer)
    )
      return property.initializer.text
  return undefined
}

/** Every template in `src` with the tag of `src/domain/Sentence.ts`, but those of the simulation. */
export const sentencesInSources = (): ReadonlyArray<ListedSentence> => {
  const api = new API({ cwd: root })
  try {
    const [project] = api.updateSnapshot({ openProjects: [`${root}tsconfig.json`] }).getProjects()
    if (project === undefined) throw new Error("tsconfig.json is no project")
    const { program, checker } = project
    const found: Array<ListedSentence> = []
    for (const name of program.getSourceFileNames()) {
      const file = relative(root, name)
      const source = program.getSourceFile(name)
      if (source === undefined || !file.startsWith("src/") || file.startsWith("src/layers/sim/")) continue
      const visit = (node: Node, around: string | undefined): void => {
        const level = levelSaidBy(node) ?? around
        if (isTaggedTemplateExpression(node) && isIdentifier(node.tag) && node.tag.text === TAG)
          found.push({ file, words: wordsOf(node.template, checker), level })
        node.forEachChild((child) => visit(child, level))
      }
      visit(source, undefined)
    }
    return found
  } finally {
    api.close()
  }
}
