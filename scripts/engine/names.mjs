/** @file Where a script's compiled code is kept: beside it, for one Node on one platform. V8 itself looks at little more than its length. */
export const codeOf = (script) => `${script}.${process.version}-${process.platform}-${process.arch}.code`;
