import { Document, isMap, isNode, isScalar, parse, Scalar, stringify, visit, type Pair } from "yaml"
import type { Annotation, CommentedData, Path } from "../../domain/CommentedData.ts"

/** Compose reads YAML with a library that knows most of 1.1 and most of 1.2: what either would take for a number is quoted. */
const isNoTextIn12 = (text: string): boolean => /^["']/.test(stringify(text, { version: "1.2" }))

/** The key by which YAML 1.1 merges a map into another. */
const MERGE = "<<"

const comment = (lines: ReadonlyArray<string>): string => lines.map((line) => ` ${line}`).join("\n")

const commentString = (text: string): string =>
  text
    .split("\n")
    .map((line) => `#${line.trimEnd()}`)
    .join("\n")

const pairAt = (document: Document, path: Path): Pair<Scalar, unknown> => {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  const pairs = isMap(parent) ? parent.items : []
  for (const { key, value } of pairs) {
    if (isScalar(key) && key.value === path.at(-1)) return { key, value } as Pair<Scalar, unknown>
  }
  throw new Error(`there is no ${path.join(".")}`)
}

const nameAnchor = (document: Document, node: unknown, name: string): void => {
  if (!isMap(node)) throw new Error(`${name} is no map`)
  const generated = node.anchor
  node.anchor = name
  visit(document, {
    Alias: (_, alias) => {
      if (alias.source === generated) alias.source = name
    }
  })
}

const annotate = (document: Document, { path, comment: lines, anchor, tag }: Annotation): void => {
  const { key, value } = pairAt(document, path)
  if (lines !== undefined) key.commentBefore = comment(lines)
  if (anchor !== undefined) nameAnchor(document, value, anchor)
  if (tag !== undefined && isNode(value)) value.tag = tag
}

const spaceBefore = (pair: Pair): void => {
  if (isScalar(pair.key)) pair.key.spaceBefore = true
}

/** Sections are set apart by an empty line, and so are the maps in them. */
const setApart = (document: Document): void => {
  const sections = isMap(document.contents) ? document.contents.items : []
  for (const [index, section] of sections.entries()) {
    if (!isMap(section.value)) continue
    if (index > 0) spaceBefore(section)
    const holdsMaps = section.value.items.every(({ value }) => isMap(value))
    if (holdsMaps) section.value.items.slice(1).forEach(spaceBefore)
  }
}

const chooseStyles = (document: Document): void =>
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value !== "string" || node.value === MERGE || node.value.includes("\n")) return
      if (isNoTextIn12(node.value)) node.type = Scalar.QUOTE_DOUBLE
    },
    Seq: (_, node) => {
      node.flow = node.items.every((item) => isScalar(item))
    },
    Map: (_, node) => {
      if (node.items.length === 0) node.flow = true
    }
  })

/**
 * Prints data as YAML, with comments, tags and references. Compose, and every reader of YAML 1.1 or 1.2, reads the same data back; a tag, and
 * the merging of `<<`, is the reader's to understand.
 */
export const printYaml = ({ header, data, annotations }: CommentedData): string => {
  const document = new Document(data, { version: "1.1", aliasDuplicateObjects: true })
  chooseStyles(document)
  setApart(document)
  for (const annotation of annotations) annotate(document, annotation)
  document.commentBefore = comment(header)
  return document.toString({ lineWidth: 0, flowCollectionPadding: false, commentString })
}

/** Reads one document of YAML, or JSON, which is YAML. Throws with the place of the mistake. */
export const parseYaml = (text: string): unknown => parse(text, { merge: true })
