

# Goes on where tasks.py ends: the three are handed to Python as one.
class Reader(Tasks):
    """Reads the statements of one file."""

    # Statements.

    def run(self, body):
        for statement in body:
            self.statement(statement)

    def statement(self, node):
        self.done += 1
        if self.done > MOST_STATEMENTS:
            raise ValueError("it takes too long")
        if isinstance(node, ast.Assign):
            result = self.expression(node.value)
            for target in node.targets:
                self.assign(target, result)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self.assign(node.target, self.expression(node.value))
        elif isinstance(node, ast.Expr):
            self.expression(node.value)
        elif isinstance(node, ast.With):
            self.within(node)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.function(node)
        elif isinstance(node, ast.For):
            self.loop(node)
        elif isinstance(node, ast.If) and self.open:
            self.note(node, "what depends on a condition while the file is read is not taken")
        elif isinstance(node, (ast.While, ast.Try)) and self.open:
            self.note(node, "tasks within `while` or `try` are not taken")
        elif isinstance(node, ast.Return) and node.value is not None and self.open:
            self.expression(node.value)

    def assign(self, target, result):
        if isinstance(target, ast.Name):
            self.names[target.id] = result
        elif isinstance(target, (ast.Tuple, ast.List)) and isinstance(result, list) and len(target.elts) == len(result):
            for one, item in zip(target.elts, result):
                self.assign(one, item)

    def within(self, node):
        opened = 0
        for item in node.items:
            made = self.expression(item.context_expr)
            if isinstance(made, Dag):
                self.open.append(made)
                opened += 1
            if isinstance(made, (Dag, Group)) and item.optional_vars is not None:
                self.assign(item.optional_vars, made)
            if isinstance(made, Group):
                self.groups.append((made, made.name))
                opened += 1 << 16
        self.run(node.body)
        for _ in range(opened >> 16):
            self.groups.pop()
        for _ in range(opened & 0xFFFF):
            self.open.pop()

    def loop(self, node):
        items = self.value(node.iter)
        if isinstance(items, list) and len(items) <= MOST_TURNS and not node.orelse:
            for item in items:
                self.assign(node.target, item)
                self.run(node.body)
        elif self.open or any(isinstance(inner, ast.Call) and named(inner).endswith(("Operator", "DAG")) for inner in ast.walk(node)):
            self.note(node, "tasks or DAGs are made in a loop over what is only known when it runs")

    def function(self, node):
        for decorator in node.decorator_list:
            name = dotted(decorator)
            if name == "dag":
                self.decorated_dag(node, decorator)
                return
            if name == "task" or name.startswith("task."):
                self.names[node.name] = Decorated(node, decorator)
                return
            if name == "task_group":
                self.names[node.name] = UNKNOWN
                self.note(node, "a group made by `@task_group` is not taken: write it as `with TaskGroup(…)`")
                return
        self.names.setdefault(node.name, UNKNOWN)

    def decorated_dag(self, node, decorator):
        words = decorator.keywords if isinstance(decorator, ast.Call) else []
        first = decorator.args if isinstance(decorator, ast.Call) else []
        dag = self.new_dag(decorator, first, words)
        dag.args.setdefault("dag_id", node.name)
        text = ast.get_docstring(node)
        if text:
            dag.args.setdefault("description", text)
        outer = dict(self.names)
        self.open.append(dag)
        self.run(node.body)
        self.open.pop()
        self.names = outer

    # What is called.

    def expression(self, node):
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.RShift, ast.LShift)):
            one, other = self.expression(node.left), self.expression(node.right)
            before, after = (one, other) if isinstance(node.op, ast.RShift) else (other, one)
            self.link(node, before, after)
            return other
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self.expression(item) for item in node.elts]
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.Name):
            return self.names.get(node.id, UNKNOWN)
        if isinstance(node, ast.ListComp) and self.open:
            return self.listed(node)
        if isinstance(node, ast.Subscript):
            of = self.expression(node.value)
            if isinstance(of, Task):
                return of
        if isinstance(node, ast.Attribute) and node.attr == "output":
            return self.expression(node.value)
        return self.value(node)

    def listed(self, node):
        generator = node.generators[0]
        items = self.value(generator.iter)
        if len(node.generators) > 1 or generator.ifs or not isinstance(items, list) or len(items) > MOST_TURNS:
            self.note(node, "tasks are made in a list of what is only known when it runs")
            return UNKNOWN
        made = []
        for item in items:
            self.assign(generator.target, item)
            made.append(self.expression(node.elt))
        return made

    def call(self, node):
        name, words = named(node), node.keywords
        if isinstance(node.func, ast.Name):
            known = self.names.get(node.func.id)
            if isinstance(known, Decorated):
                return self.task_of_function(node, known)
        if isinstance(node.func, ast.Attribute):
            handled, result = self.method(node)
            if handled:
                return result
        if name == "DAG":
            return self.new_dag(node, node.args, words)
        if name == "TaskGroup":
            group = Group()
            given = self.value(node.args[0]) if node.args else self.word(words, "group_id")
            group.name = given if isinstance(given, str) else "group"
            if self.word(words, "prefix_group_id") is False:
                group.name = ""
            return group
        if name == "chain":
            items = [self.expression(item) for item in node.args]
            for one, other in zip(items, items[1:]):
                if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
                    for before, after in zip(one, other):
                        self.link(node, before, after)
                else:
                    self.link(node, one, other)
            return UNKNOWN
        if name == "cross_downstream" and len(node.args) == 2:
            self.link(node, self.expression(node.args[0]), self.expression(node.args[1]))
            return UNKNOWN
        if any(word.arg == "task_id" for word in words):
            return self.operator(node, name)
        inner = [self.expression(item) for item in node.args]
        if self.open and any(isinstance(item, Task) for item in inner):
            self.note(node, f"`{name or 'a call'}` of tasks is not understood")
        return self.made(node)

    def method(self, node):
        verb = node.func.attr
        if verb in ("set_upstream", "set_downstream") and node.args:
            one, other = self.expression(node.func.value), self.expression(node.args[0])
            self.link(node, *((other, one) if verb == "set_upstream" else (one, other)))
            return True, one
        base = node.func.value
        known = self.names.get(base.id) if isinstance(base, ast.Name) else None
        if isinstance(known, Decorated):
            if verb == "override":
                return True, Decorated(known.function, known.decorator, known.more + node.keywords)
            if verb in ("expand", "partial", "map"):
                self.note(node, "a task that is done for a list known only when it runs (`expand`): write it with `for_each`", known.function.name)
                return True, self.missing(node, known.function.name, "it is mapped (`expand`)")
        if verb in ("expand", "expand_kwargs") and isinstance(base, ast.Call) and named(base) == "partial":
            words = base.keywords
            task = self.word(words, "task_id")
            if isinstance(task, str):
                self.note(node, "a task that is done for a list known only when it runs (`expand`): write it with `for_each`", task)
                return True, self.missing(node, task, "it is mapped (`expand`)")
        if isinstance(node.func.value, ast.Call):
            made = self.expression(node.func.value)
            if isinstance(made, Decorated):
                return True, self.task_of_function(node, made)
        return False, None

    def word(self, words, name):
        return next((self.value(word.value) for word in words if word.arg == name), UNKNOWN)

    def new_dag(self, node, given, words):
        args = {}
        for name, item in zip(["dag_id", "description", "schedule"], given):
            args[name] = self.dag_value(item, name)
        for word in words:
            if word.arg in DAG_WORDS:
                args[word.arg] = self.dag_value(word.value, word.arg)
            elif word.arg is None:
                self.note(node, "what `**` gives the DAG is not taken")
            else:
                self.note(word.value, f"`{word.arg}` of the DAG has no counterpart")
        said = sorted(args)
        args = {name: value for name, value in args.items() if value is not UNKNOWN}
        args["said"] = said
        dag = Dag(self.path, node.lineno, args)
        for name in sorted(set(args.get("default_args") or {}) - ARGS_WORDS):
            self.notes.append({"file": self.path, "line": node.lineno, "dag": args.get("dag_id"), "task": None, "why": f"`{name}` of `default_args` has no counterpart"})
        self.dags.append(dag)
        return dag

    def dag_value(self, node, name):
        if name == "default_args" and isinstance(node, ast.Dict):
            known = {}
            for key, item in zip(node.keys, node.values):
                at, inner = self.value(key) if key is not None else UNKNOWN, self.value(item)
                if isinstance(at, str):
                    known[at] = None if inner is UNKNOWN and at not in ARGS_WORDS else inner
            known = {at: inner for at, inner in known.items() if inner is not UNKNOWN}
            return known
        found = self.value(node)
        if found is UNKNOWN:
            self.note(node, f"`{name}` of the DAG is only known when it runs")
        return found


def flat(side):
    return [inner for item in side for inner in flat(item)] if isinstance(side, list) else [side]


def plain(value):
    if isinstance(value, dict):
        return all(isinstance(key, str) and plain(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(plain(inner) for inner in value)
    return isinstance(value, (str, int, float, bool, type(None)))


def files(root, notes):
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not name.endswith(".py") or os.path.islink(path) or not os.path.isfile(path):
                continue
            if len(found) == MOST_FILES:
                notes.append({"file": os.path.relpath(path, root), "line": 0, "dag": None, "task": None, "why": f"more than {MOST_FILES} files are not read"})
                return found
            found.append(os.path.relpath(path, root))
    return found


def main():
    limit()
    root = sys.argv[1]
    notes, dags, modules = [], [], {}
    read = files(root, notes)
    for path in read:
        whole = os.path.join(root, path)
        told = lambda why, line=0: notes.append({"file": path, "line": line, "dag": None, "task": None, "why": why})  # noqa: B023, E731
        if os.path.getsize(whole) > LARGEST_FILE:
            told("it is larger than 1 MiB")
            continue
        try:
            with tokenize.open(whole) as file:
                text = file.read()
            reader = Reader(root, path, text, notes)
            reader.run(reader.module.body)
        except SyntaxError as error:
            told(f"it is no Python that this version reads: {error.msg}", error.lineno or 0)
            continue
        except (RecursionError, MemoryError, UnicodeDecodeError, ValueError) as error:
            told(f"it cannot be read: {type(error).__name__}")
            continue
        for dag in reader.dags:
            dags.append({"file": dag.file, "line": dag.line, "args": dag.args, "tasks": dag.tasks, "edges": dag.edges})
            for task in dag.tasks:
                for module in task.get("modules") or []:
                    path_of = os.path.join(root, module + ".py")
                    if module not in modules and os.path.getsize(path_of) <= LARGEST_FILE:
                        with open(path_of, encoding="utf-8", errors="replace") as file:
                            modules[module] = file.read()
    json.dump({"files": len(read), "dags": dags, "modules": modules, "notes": notes}, sys.stdout, default=lambda _: None)


main()
