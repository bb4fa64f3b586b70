/** How this folder's code is laid out; what is left out is in `.prettierignore`. @type {import("prettier").Config} */
export default { printWidth: 140 };
