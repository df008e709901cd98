/** @file The one list of cases that are expected to fail, each with its reason. A case on it that passes is an error too. */

interface Skip {
  readonly reason: string;
  /** Of cases' names, all kinds together. */
  readonly cases: RegExp;
}

export const SKIPS: readonly Skip[] = [
  {
    reason: "floats of 8 or 4 bits and integers of 4 or 2 bits: the engine has no such elements",
    cases:
      /^test_(cast|castlike|quantizelinear|dequantizelinear|castlike_.*)_.*(FLOAT8|FLOAT4|INT4|INT2|e4m3fn|e5m2|float4e2m1|int4|int2|e8m0).*$/,
  },
  {
    reason: "texts: programs compute with numbers only",
    cases: /^test_(string_|regex_|strnorm|ai_onnx_ml_label_encoder_(string|tensor)|equal_string|identity_string)/,
  },
  {
    reason: "sequences and optional values as inputs or outputs of the file: programs take and give tensors only",
    cases:
      /^test_(sequence_(insert|map)|split_to_sequence|optional_|identity_(opt|sequence)|if_(opt|seq)|loop(13_seq|16_seq_none))/,
  },
  {
    reason: "rounding of every step to 16 bits: we compute these in 32 bits, and differ in what 16 bits lose",
    cases:
      /^test_(attention_.*bf16(_expanded)?|attention_4d_gqa_with_past_and_present_fp16(_expanded)?|celu_bfloat16(_expanded)?|cast(like)?_FLOAT_to_BFLOAT16(_expanded)?)$/,
  },
  { reason: "how many results there are depends on the data", cases: /^test_(nonmaxsuppression|nonzero|unique)/ },
  {
    reason: "training operators of the preview domain: our own optimizers do this",
    cases: /^test_(adagrad|adam|momentum|nesterov_momentum|gradient_of)/,
  },
  { reason: "a preview domain", cases: /^test_flexattention(?!.*_expanded)/ },
  {
    reason: "random numbers of another generator",
    cases: /^test_(bernoulli|training_dropout(_default)?(_mask)?$|training_dropout_zero_ratio_none)/,
  },
  { reason: "reads pictures from bytes", cases: /^test_image_decoder/ },
  { reason: "reads bits of one type as another", cases: /^test_bitcast/ },
  {
    reason: "not raised yet: its expanded twin is, made of simpler operators",
    cases:
      /^test_(swiglu(_alpha|_float16)?|causal_conv_with_state(?!.*_expanded).*|linear_attention(?!.*_expanded).*)$/,
  },
  {
    reason: "not raised yet",
    cases:
      /^test_(cumprod|gridsample_bicubic|dft|stft|roialign|basic_deform_conv|deform_conv|tensorscatter|tfidfvectorizer|det_|melweightmatrix|ai_onnx_ml_tree_ensemble|einsum_(batch_diagonal|inner_prod)$)/,
  },
  { reason: "scatters that multiply or compare", cases: /^test_scatter.*(max|min|mul)/ },
  {
    reason: "the smallest 32-bit integer by a shift: ours is arithmetic",
    cases: /^test_bitshift_left_int32_overflow$/,
  },
  { reason: "infinite operands of a modulo", cases: /^test_mod_float_edge_cases_fmod_0/ },
  { reason: "the maximum of no booleans", cases: /^test_reduce_max_empty_set_bool$/ },
  { reason: "the form of Scan before opset 9, with a batch axis", cases: /^test_scan_sum$/ },
  {
    reason: "doubles beyond the range of 32-bit floats, in which we compute",
    cases: /^test_operator_(add_broadcast|add_size1_right_broadcast|add_size1_singleton_broadcast|addconstant)$/,
  },
];

/** Gradients that are not numbers, by intent: 0 · ∞ where a row is masked altogether and its softmax is discarded afterwards. */
export const GRADIENT_SKIPS: readonly Skip[] = [
  {
    reason: "a softmax over nothing but −∞, discarded afterwards: its slope is not a number, in PyTorch as well",
    cases:
      /^test_attention_.*(nan_robustness|fullymasked|softmax_precision|structural_empty|local_window_gqa_rank4_mask).*_expanded$/,
  },
];

export const reasonFor = (skips: readonly Skip[], name: string): string | undefined =>
  skips.find(({ cases }) => cases.test(name))?.reason;
