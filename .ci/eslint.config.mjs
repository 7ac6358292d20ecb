// What the type checker does not see: slips of the language, and what our own
// rules forbid in a page (assembled HTML, code from text).
import js from "@eslint/js";
import globals from "globals";

const assembled = "Text goes into a page by textContent, never as HTML.";

export default [
  js.configs.recommended,
  {
    files: ["static/**/*.js"],
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: { ...globals.browser, ...globals.serviceworker } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-alert": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrors: "none" }],
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: assembled },
        { property: "outerHTML", message: assembled },
        { property: "insertAdjacentHTML", message: assembled },
        { object: "document", property: "write", message: assembled },
      ],
    },
  },
];
