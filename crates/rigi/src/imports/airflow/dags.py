

# Goes on where values.py ends: both are handed to Python as one.
class Reader(Values):
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

    # Tasks.

    def place(self, dag_word=None):
        """The DAG that a task belongs to: the one that it names, or the one around it."""
        if isinstance(dag_word, Dag):
            return dag_word
        return self.open[-1] if self.open else None

    def add(self, node, task, dag, fields):
        prefix = ".".join(name for _, name in self.groups if name)
        whole = f"{prefix}.{task}" if prefix else task
        number = 1
        while whole in dag.by_id:
            whole, number = f"{prefix}.{task}__{number}" if prefix else f"{task}__{number}", number + 1
        if len(dag.tasks) >= MOST_TASKS:
            self.note(node, f"a DAG has at most {MOST_TASKS} tasks here")
            return UNKNOWN
        made = Task(self, node.lineno, {"id": whole, "line": node.lineno, **fields})
        dag.by_id[whole] = made
        dag.tasks.append(made.fields)
        for group, _ in self.groups:
            group.tasks.append(whole)
        made.dag = dag
        return made

    def missing(self, node, task, why):
        dag = self.place()
        return self.add(node, task, dag, {"kind": "missing", "why": why}) if dag else UNKNOWN

    def settings(self, node, words, task, dag):
        """What the words of a task say beside what it does."""
        fields = {}
        for word in words:
            if word.arg is None:
                self.note(node, "what `**` gives the task is not taken", task)
                continue
            if word.arg not in TASK_WORDS:
                self.note(word.value, f"`{word.arg}` has no counterpart", task)
                continue
            if word.arg in ARGS_WORDS or word.arg in ("doc_md", "doc"):
                found = self.value(word.value)
                if found is UNKNOWN:
                    self.note(word.value, f"`{word.arg}` is only known when it runs", task)
                else:
                    fields[word.arg] = found
        defaults = dag.args.get("default_args") or {}
        for name in ARGS_WORDS & set(defaults):
            fields.setdefault(name, defaults[name])
        return fields

    def operator(self, node, name):
        words = {word.arg: word.value for word in node.keywords if word.arg}
        task = self.value(words["task_id"])
        dag_word = self.expression(words["dag"]) if "dag" in words else None
        dag = self.place(dag_word)
        if dag is None:
            self.note(node, "a task outside of every DAG is not taken")
            return UNKNOWN
        if not isinstance(task, str):
            self.note(node, "the name of a task is only known when it runs: it is not taken")
            return UNKNOWN
        fields = self.settings(node, node.keywords, task, dag)
        if name == "BashOperator":
            fields.update(self.bash(node, words, task))
        elif name in EMPTY:
            fields["kind"] = "empty"
        elif name == "PythonOperator":
            fields.update(self.python(node, words, task))
        elif name == "TriggerDagRunOperator" and isinstance(self.value(words.get("trigger_dag_id", ast.Constant(0))), str):
            fields.update({"kind": "pipeline", "pipeline": self.value(words["trigger_dag_id"])})
        else:
            self.note(node, f"`{name}` has no counterpart: its step fails and says so", task)
            fields.update({"kind": "missing", "why": f"`{name}` has no counterpart"})
        made = self.add(node, task, dag, fields)
        self.take_results(node, made, [words[word] for word in ("op_args", "op_kwargs", "bash_command", "env") if word in words])
        return made

    def take_results(self, node, made, places):
        """`task.output` among what a task is given is a dependency."""
        for place in places:
            for inner in ast.walk(place):
                if isinstance(inner, ast.Attribute) and inner.attr == "output" and isinstance(inner.value, ast.Name):
                    self.link(node, self.names.get(inner.value.id, UNKNOWN), made)

    def bash(self, node, words, task):
        command = self.value(words["bash_command"]) if "bash_command" in words else UNKNOWN
        if not isinstance(command, str):
            self.note(node, "its command is only known when it runs: its step fails and says so", task)
            return {"kind": "missing", "why": "its command is only known when Airflow runs it"}
        fields = {"kind": "bash", "command": self.template_file(command, node, task)}
        for word in ("env", "cwd"):
            if word in words:
                found = self.value(words[word])
                if found is UNKNOWN or found is None:
                    self.note(words[word], f"`{word}` is only known when it runs", task)
                else:
                    fields[word] = found
        return fields

    def template_file(self, command, node, task):
        """A command that ends with `.sh` is a file beside the DAG."""
        if not command.endswith((".sh", ".bash")) or any(c.isspace() for c in command):
            return command
        base = os.path.dirname(os.path.join(self.root, self.path))
        for folder in (base, self.root):
            path = os.path.realpath(os.path.join(folder, command))
            if path.startswith(os.path.realpath(self.root) + os.sep) and os.path.isfile(path) and os.path.getsize(path) <= LARGEST_FILE:
                with open(path, encoding="utf-8", errors="replace") as file:
                    return file.read()
        self.note(node, f"`{command}` is a file that is not in this folder", task)
        return command

    def python(self, node, words, task):
        callable_name = words["python_callable"].id if isinstance(words.get("python_callable"), ast.Name) else None
        if callable_name is None:
            self.note(node, "what it calls is no function of the file: its step fails and says so", task)
            return {"kind": "missing", "why": "what it calls is no function of its file"}
        fields = self.code(node, callable_name, task)
        for word in ("op_args", "op_kwargs"):
            if word in words and fields["kind"] == "python":
                found = self.value(words[word])
                if found is UNKNOWN:
                    self.note(words[word], f"`{word}` is only known when it runs: its step fails and says so", task)
                    return {"kind": "missing", "why": f"`{word}` is only known when Airflow runs it"}
                fields["given" if word == "op_args" else "named"] = found
        return fields

    def task_of_function(self, node, decorated):
        function, decorator = decorated.function, decorated.decorator
        words = list(decorator.keywords) if isinstance(decorator, ast.Call) else []
        words = [word for word in words if word.arg not in {more.arg for more in decorated.more}] + decorated.more
        given = self.word(words, "task_id")
        task = given if isinstance(given, str) else function.name
        dag = self.place()
        if dag is None:
            return UNKNOWN
        fields = self.settings(node, words, task, dag)
        kind = dotted(decorator)
        if kind == "task.bash":
            fields.update(self.returned_command(node, function, task))
        elif kind in ("task", "task.python"):
            fields.update(self.code(node, function.name, task, function))
        else:
            self.note(node, f"`@{kind}` has no counterpart: its step fails and says so", task)
            fields.update({"kind": "missing", "why": f"`@{kind}` has no counterpart"})
        values, named_values, results = self.arguments(node, function, task)
        if values is None:
            fields.update({"kind": "missing", "why": "what it is given is only known when Airflow runs it"})
            values, named_values, results = [], {}, {}
        if fields["kind"] == "python":
            fields.update({"given": values, "named": named_values, "results": {name: upstream.fields["id"] for name, upstream in results.items()}})
        made = self.add(node, task, dag, fields)
        for upstream in results.values():
            self.link(node, upstream, made)
        return made

    def arguments(self, node, function, task):
        """What a call gives: values, and results of other tasks by the name of the argument."""
        names = [argument.arg for argument in function.args.posonlyargs + function.args.args]
        values, results = {}, {}
        pairs = list(zip(names, node.args)) + [(word.arg, word.value) for word in node.keywords]
        if len(node.args) > len(names) or any(name is None for name, _ in pairs):
            self.note(node, "what it is given is only known when it runs: its step fails and says so", task)
            return None, None, None
        for name, item in pairs:
            found = self.expression(item)
            if isinstance(found, Task):
                results[name] = found
            elif found is UNKNOWN or isinstance(found, (Dag, Group, Decorated)) or not plain(found):
                self.note(item, f"`{name}` is only known when it runs: its step fails and says so", task)
                return None, None, None
            else:
                values[name] = found
        return [], values, results

    def returned_command(self, node, function, task):
        body = [statement for statement in function.body if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))]
        command = self.value(body[0].value) if len(body) == 1 and isinstance(body[0], ast.Return) and body[0].value else UNKNOWN
        if isinstance(command, str):
            return {"kind": "bash", "command": command}
        self.note(node, "its command is only known when it runs: its step fails and says so", task)
        return {"kind": "missing", "why": "its command is only known when Airflow runs it"}

    def code(self, node, name, task, function=None):
        """The source of a function, with what of its file it needs."""
        function = function or self.functions.get(name)
        if function is None:
            return self.foreign(node, name, task)
        arguments = function.args
        every = arguments.posonlyargs + arguments.args + arguments.kwonlyargs
        names = {argument.arg for argument in every} | ({arguments.kwarg.arg} if arguments.kwarg else set())
        uses = {inner.id for inner in within_function(function) if isinstance(inner, ast.Name)}
        odd = (names & {"context", "kwargs", "ti", "task_instance", "dag_run"}) | (uses & {"get_current_context", "Variable", "BaseHook", "XCom"})
        if odd:
            what = ", ".join(sorted(odd))
            self.note(node, f"it uses what only Airflow has ({what}): its step fails and says so", task)
            return {"kind": "missing", "why": f"it uses what only Airflow has ({what})"}
        needed, imports = self.needed(function)
        packages = sorted({top for top in imports if top not in sys.stdlib_module_names})
        return {
            "kind": "python",
            "function": function.name,
            "source": "\n\n".join([self.source(part) for part in needed] + [self.source(function)]),
            "packages": packages,
            "arguments": [argument.arg for argument in every],
            "modules": [module for module in packages if self.local(module)],
        }

    def foreign(self, node, name, task):
        """A function of a file beside the DAG."""
        for statement in self.module.body:
            if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
                for alias in statement.names:
                    if (alias.asname or alias.name) == name and self.local(statement.module):
                        source = f"from {statement.module} import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
                        return {"kind": "python", "function": name, "source": source, "packages": [], "arguments": None, "modules": [statement.module]}
        self.note(node, f"`{name}` is no function of the file: its step fails and says so", task)
        return {"kind": "missing", "why": f"`{name}` is no function of its file"}

    def local(self, module):
        return "." not in module and os.path.isfile(os.path.join(self.root, module + ".py"))

    def source(self, node):
        lines = re.split("\r\n|\r|\n", self.text)
        start = node.lineno - 1
        part = lines[start:node.end_lineno]
        indent = len(part[0]) - len(part[0].lstrip())
        return "\n".join(line[indent:] if not line[:indent].strip() else line for line in part)

    def needed(self, function):
        """Statements at the top of the file that a function uses, directly or by another: imports, values, functions, classes."""
        defines = {}
        for statement in self.module.body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                module = statement.module or "" if isinstance(statement, ast.ImportFrom) else ""
                for alias in statement.names:
                    if not (module or alias.name).split(".")[0] == "airflow":
                        defines[alias.asname or alias.name.split(".")[0]] = statement
            elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                if not any(dotted(decorator).split(".")[0] in ("task", "dag", "task_group") for decorator in statement.decorator_list):
                    defines[statement.name] = statement
            elif isinstance(statement, ast.Assign) and not any(isinstance(inner, ast.Call) and named(inner).endswith(("Operator", "DAG")) for inner in ast.walk(statement)):
                for target in statement.targets:
                    if isinstance(target, ast.Name):
                        defines[target.id] = statement
        found, wait, imports = [], [function], set()
        while wait:
            for inner in within_function(wait.pop()):
                if isinstance(inner, (ast.Import, ast.ImportFrom)):
                    tops = [inner.module] if isinstance(inner, ast.ImportFrom) else [alias.name for alias in inner.names]
                    imports |= {(top or "").split(".")[0] for top in tops}
                statement = defines.get(inner.id) if isinstance(inner, ast.Name) else None
                if statement is not None and statement is not function and statement not in found:
                    found.append(statement)
                    wait.append(statement)
        return sorted(found, key=lambda statement: statement.lineno), imports - {"", "__future__"}

    def link(self, node, before, after):
        dag = None
        for item in flat(before) + flat(after):
            if isinstance(item, Task):
                dag = dag or item.dag
        if dag is None:
            if self.open and UNKNOWN in flat(before) + flat(after):
                self.note(node, "a dependency between what is not known is not taken")
            return
        ends, begins = self.border(dag, before, 0), self.border(dag, after, 1)
        if not ends or not begins:
            self.note(node, "one side of a dependency is not known: it is not taken")
        dag.edges += [[one, other] for one in ends for other in begins if [one, other] not in dag.edges]

    @staticmethod
    def border(dag, side, place):
        ids = []
        for item in flat(side):
            if isinstance(item, Task):
                ids.append(item.fields["id"])
            elif isinstance(item, Group):
                ids += item._outer(dag.edges, place)
        return ids


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
