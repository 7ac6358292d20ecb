// Correctness, not taste: blank lines and the order of rules are the writer's.
export default {
  extends: ["stylelint-config-standard"],
  rules: {
    "at-rule-empty-line-before": null,
    "comment-empty-line-before": null,
    "custom-property-empty-line-before": null,
    "declaration-empty-line-before": null,
    "rule-empty-line-before": null,
    "no-descending-specificity": null,
    "declaration-block-single-line-max-declarations": null,
    "value-keyword-case": ["lower", { ignoreProperties: ["/^--/", "font-family"] }],
    // Safari knows it under this name only.
    "property-no-vendor-prefix": [true, { ignoreProperties: ["/text-size-adjust$/"] }],
    // Nothing from other hosts.
    "function-url-scheme-disallowed-list": ["http", "https", "//"],
  },
};
