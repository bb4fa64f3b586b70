import hooks from "eslint-plugin-react-hooks";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  { ignores: ["dist", "node_modules", "src/api/schema.gen.ts", "public"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ["eslint.config.js", "prettier.config.js"] } } },
    plugins: { "react-hooks": hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      // What is measured after a drawing has to be set after it.
      "react-hooks/set-state-in-effect": "off",
      "@typescript-eslint/no-unused-vars": ["error", { varsIgnorePattern: "^_" }],
      "max-lines": ["error", 300],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
      "@typescript-eslint/only-throw-error": "off",
    },
  },
  {
    files: ["src/**"],
    ignores: ["src/lib/project*.ts"],
    rules: {
      // An address that is put together by hand must lead to this page's project.
      "no-restricted-syntax": [
        "error",
        {
          selector:
            ":not(CallExpression[callee.name='apiPath']) > TemplateLiteral > TemplateElement[value.raw=/\\u002fapi\\u002fv1\\u002f/]",
          message: "Put it through `apiPath`.",
        },
      ],
    },
  },
);
